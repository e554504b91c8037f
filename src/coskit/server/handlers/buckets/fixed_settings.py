"""S3 settings of buckets that clients read and no client can change here."""

from coskit.protocol.errors import (
    MalformedXML,
    NoSuchWebsiteConfiguration,
    NotImplementedOperation,
    ReplicationConfigurationNotFoundError,
)
from coskit.server.handlers.context import Context, Reply

_PAYERS = ("BucketOwner", "Requester")


async def put_bucket_request_payment(ctx: Context) -> Reply:
    """Accept the owner as payer, which is the only setting."""
    payer = ctx.params["RequestPaymentConfiguration"].get("Payer")
    if payer not in _PAYERS:
        raise MalformedXML(f"Payer must be one of {', '.join(_PAYERS)}")
    if payer != _PAYERS[0]:
        raise NotImplementedOperation("Requester Pays is not implemented: the owner pays")
    return Reply()


async def get_bucket_request_payment(ctx: Context) -> Reply:
    """Return the owner as payer."""
    return Reply({"Payer": _PAYERS[0]})


async def get_bucket_accelerate_configuration(ctx: Context) -> Reply:
    """Return an empty configuration: acceleration is never set."""
    return Reply()


async def get_bucket_logging(ctx: Context) -> Reply:
    """Return an empty configuration: no logs are delivered."""
    return Reply()


async def get_bucket_notification_configuration(ctx: Context) -> Reply:
    """Return an empty configuration: no notifications are sent."""
    return Reply()


async def get_bucket_replication(ctx: Context) -> Reply:
    """Raise the error for a bucket that is not replicated."""
    raise ReplicationConfigurationNotFoundError


async def get_bucket_website(ctx: Context) -> Reply:
    """Raise the error for a bucket that is not a website."""
    raise NoSuchWebsiteConfiguration
