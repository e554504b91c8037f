"""Types of parameters and results: documents and results as dicts, options, literal words."""

from coskit.client.settings.argument_checks import Compare as Compare
from coskit.client.settings.argument_checks import HTTPMethod as HTTPMethod
from coskit.client.settings.argument_checks import OnError as OnError
from coskit.client.settings.argument_checks import Scheme as Scheme
from coskit.client.settings.progress import Callback as Callback
from coskit.client.settings.transfer_options import *  # noqa: F403 - options of transfers
from coskit.protocol.types import *  # noqa: F403 - a class for each document and result
