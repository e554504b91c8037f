// cos-nodejs-sdk-v5 behind a pipe: a call per line of JSON in, its answer per line out.
// Bytes travel as {"base64": ...}, streams as {"file": path}.
const fs = require('fs');
const readline = require('readline');
const COS = require('cos-nodejs-sdk-v5');

const cos = new COS(JSON.parse(process.argv[2]));

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (!value || typeof value !== 'object') return value;
  if ('base64' in value) return Buffer.from(value.base64, 'base64');
  if ('file' in value) return fs.createReadStream(value.file);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item)]));
}

function plain(name, value) {
  if (value && value.type === 'Buffer') return { base64: Buffer.from(value.data).toString('base64') };
  return value;
}

function answer(error, data) {
  process.stdout.write(JSON.stringify({ error, data }, plain) + '\n');
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [method, params] = JSON.parse(line);
  try {
    cos[method](revive(params), answer);
  } catch (error) {
    answer({ message: String(error) });
  }
});
