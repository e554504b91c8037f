"""The types of what callers pass and get: documents and results as dicts, options, words."""

from coskit.client.arguments import Compare as Compare
from coskit.client.arguments import HTTPMethod as HTTPMethod
from coskit.client.arguments import OnError as OnError
from coskit.client.arguments import Scheme as Scheme
from coskit.client.options import *  # noqa: F403 - the options of transfers
from coskit.client.progress import Callback as Callback
from coskit.protocol.types import *  # noqa: F403 - one class for each document and each result
