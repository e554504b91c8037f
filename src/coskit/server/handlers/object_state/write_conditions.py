"""What a write demands of the object that it would replace."""

from coskit.protocol.codec.conditional_headers import WRITE_CONDITIONS
from coskit.protocol.codec.ranges import check_conditions
from coskit.protocol.errors import FileAlreadyExists, InvalidArgument, PreconditionFailed
from coskit.server.handlers.context import Context
from coskit.server.store.interfaces.conditions import Condition
from coskit.server.store.model import Version


def overwrite_condition(ctx: Context) -> Condition | None:
    """Return what is to be checked in the commit of a write, or None if it may replace anything.

    It is checked here as well, so that a body is not taken in for nothing.

    Raises:
        InvalidArgument: `x-cos-forbid-overwrite` is neither `true` nor `false`.
        FileAlreadyExists: there is an object and none may be overwritten.
        PreconditionFailed: the live object is not the one that the conditions name.
        NoSuchKey: there is none that the conditions could name, where the dialect says so.
    """
    asked = {name: ctx.headers[name] for name in WRITE_CONDITIONS if ctx.headers.get(name)}
    forbidden = _forbids_overwrite(ctx)
    if not asked and not forbidden:
        return None

    def condition(old: Version | None) -> None:
        if forbidden and old is not None:
            raise FileAlreadyExists
        if old is None:
            if "if-match" in asked:
                raise ctx.rules.missing_object_error()
        elif check_conditions(asked, old.etag, old.modified) != "met":
            raise PreconditionFailed

    condition(ctx.store.index.find(ctx.bucket.id, ctx.key))
    return condition


def _forbids_overwrite(ctx: Context) -> bool:
    text = str(ctx.params.get("ForbidOverwrite", "false")).strip().lower()
    if text not in ("true", "false"):
        raise InvalidArgument("x-cos-forbid-overwrite is true or false")
    # Where versioning was ever enabled nothing is lost by overwriting, so the header is ignored.
    return text == "true" and not ctx.bucket.versioning
