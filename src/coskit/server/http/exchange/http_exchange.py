"""One request and its response on their way through the gateway."""

from typing import NamedTuple

from coskit.server.http.admission import AdmissionTicket
from coskit.server.http.exchange.request_reader import RequestReader
from coskit.server.http.exchange.request_record import RequestRecord
from coskit.server.http.exchange.response_writer import ResponseWriter


class HTTPExchange(NamedTuple):
    """The parts of a request that the gateway's steps work with.

    Attributes:
        reader: reads the request.
        writer: writes the response.
        record: the facts for the access log and the metrics.
        ticket: the request's place among the running requests.
    """

    reader: RequestReader
    writer: ResponseWriter
    record: RequestRecord
    ticket: AdmissionTicket
