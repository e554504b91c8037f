"""Settings of buckets that tools of S3 ask for and nobody can change here."""

from coskit.protocol.errors import (
    MalformedXML,
    NoSuchWebsiteConfiguration,
    NotImplementedOperation,
    ReplicationConfigurationNotFoundError,
)
from coskit.server.handlers.context import Context, Reply

_PAYERS = ("BucketOwner", "Requester")


async def put_bucket_request_payment(ctx: Context) -> Reply:
    """Let the owner pay, as ever."""
    payer = ctx.params["RequestPaymentConfiguration"].get("Payer")
    if payer not in _PAYERS:
        raise MalformedXML(f"Payer is one of {', '.join(_PAYERS)}")
    if payer != _PAYERS[0]:
        raise NotImplementedOperation("Requests are paid for by nobody but the owner")
    return Reply()


async def get_bucket_request_payment(ctx: Context) -> Reply:
    """Tell that the owner pays."""
    return Reply({"Payer": _PAYERS[0]})


async def get_bucket_accelerate_configuration(ctx: Context) -> Reply:
    """Tell that acceleration was never set."""
    return Reply()


async def get_bucket_logging(ctx: Context) -> Reply:
    """Tell that no logs are delivered."""
    return Reply()


async def get_bucket_notification_configuration(ctx: Context) -> Reply:
    """Tell that nobody is notified."""
    return Reply()


async def get_bucket_replication(ctx: Context) -> Reply:
    """Tell that nothing is replicated."""
    raise ReplicationConfigurationNotFoundError


async def get_bucket_website(ctx: Context) -> Reply:
    """Tell that the bucket is no website."""
    raise NoSuchWebsiteConfiguration
