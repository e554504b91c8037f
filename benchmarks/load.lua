-- Requests for wrk: METHOD on each line of the file PATHS in turn, with BODY bytes; prints JSON.
local requests, at = {}, 0
local method = os.getenv("METHOD")
local size = tonumber(os.getenv("BODY"))
local body = method == "PUT" and string.rep("coskit--", math.ceil(size / 8)):sub(1, size) or nil

function init()
  -- Made once: putting a request together would cost the generator more than sending it.
  for path in io.lines(os.getenv("PATHS")) do
    requests[#requests + 1] = wrk.format(method, path, nil, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "bytes": %d, "p50": %f, "p99": %f, "errors": '
      .. '{"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
