"""Conditions of a write on the object that it would replace."""

from coskit.protocol.codec.conditional_headers import WRITE_CONDITIONS
from coskit.protocol.codec.ranges import check_conditions
from coskit.protocol.errors import FileAlreadyExists, InvalidArgument, PreconditionFailed
from coskit.server.handlers.context import Context
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.model import Version


def overwrite_condition(ctx: Context) -> WriteCondition | None:
    """Return the condition for the commit of a write, or None if the write is unconditional.

    The condition is also checked here, so that a body is not received in vain.

    Raises:
        InvalidArgument: `x-cos-forbid-overwrite` is neither `true` nor `false`.
        FileAlreadyExists: there is an object, and overwriting is forbidden.
        PreconditionFailed: the current object does not meet the conditions.
        NoSuchKey: there is no object to meet the conditions, in a dialect with this error.
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
        raise InvalidArgument("x-cos-forbid-overwrite must be true or false")
    # Versioning keeps the overwritten object, so the header is ignored there.
    return text == "true" and not ctx.bucket.versioning
