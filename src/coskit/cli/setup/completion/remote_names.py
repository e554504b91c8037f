"""Completion of `cos://bucket/key` from the service: one page of a listing, within a second."""

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from coskit.cli.setup.completion.candidate import Candidate, Completion
from coskit.cli.setup.completion.listing_cache import ListedNames, ListingCache
from coskit.client.credentials.resolver import config_file

if TYPE_CHECKING:
    from coskit import Client

_SECONDS = 1.0
_PAGE = 1000
_NAMES = ("endpoint", "region", "profile", "dialect")


def complete_location(typed: str, settings: Mapping[str, str]) -> Completion:
    """Return the buckets, or the keys and folders of one level, that complete a location.

    If there are more keys than a page has, what is typed is a candidate too, so that the shell does
    not insert a beginning that not all of them share.

    Args:
        typed: the beginning of a location, such as `cos://photos-1250000000/2026`.
        settings: the options on the command line, by their long names.
    """
    scheme, _, rest = typed.partition("://")
    bucket, slash, prefix = rest.partition("/")
    service = {name: settings[f"--{name}"] for name in _NAMES if settings.get(f"--{name}")}
    if settings.get("--no-sign"):
        service["no_sign"] = "true"
    cache = ListingCache(service, os.environ, config_file())
    if not slash:
        names = _kept_or_listed(cache, service, ()).names
        base, found = f"{scheme}://", [f"{name}/" for name in names]
    else:
        base = f"{scheme}://{bucket}/"
        listed = _keys(cache, service, bucket, prefix)
        found = [*listed.names] if listed.is_complete else [*listed.names, prefix]
    candidates = [
        Candidate(base + name, is_part=name.endswith("/"))
        for name in found
        if (base + name).startswith(typed)
    ]
    if len(candidates) > 1 and candidates[-1].value == typed:
        candidates[-1] = Candidate(typed, "more", is_part=True)
    return Completion(tuple(candidates))


def _keys(cache: ListingCache, service: Mapping[str, str], bucket: str, prefix: str) -> ListedNames:
    """Return the keys and folders that begin with a prefix; a listing of the folder will do."""
    folder = prefix[: prefix.rfind("/") + 1]
    whole = cache.read(bucket, folder)
    if whole is not None and whole.is_complete:
        return whole
    return _kept_or_listed(cache, service, (bucket, prefix))


def _kept_or_listed(
    cache: ListingCache, service: Mapping[str, str], place: tuple[str, ...]
) -> ListedNames:
    kept = cache.read(*place)
    if kept is not None:
        return kept
    try:
        listed = _listed(cache, service, place)
    except Exception:  # the line that is typed is no place for errors
        listed = ListedNames()
    cache.write(listed, *place)
    return listed


def _listed(cache: ListingCache, service: Mapping[str, str], place: tuple[str, ...]) -> ListedNames:
    """List one page; the process ends if that takes longer than a second."""
    from coskit import RetryPolicy, TransportSettings
    from coskit.cli.arguments.client_options import ClientOptions

    given: dict[str, Any] = {**service}
    given["no_sign"] = "no_sign" in service
    transport = TransportSettings(connect_timeout=_SECONDS, read_timeout=_SECONDS)
    with ClientOptions(**given).client(
        transport=transport, retry=RetryPolicy(attempts=1)
    ) as client:
        timer = threading.Timer(_SECONDS, _give_up, (cache, place))
        timer.daemon = True
        timer.start()
        try:
            return _list_page(client, *place)
        finally:
            timer.cancel()


def _give_up(cache: ListingCache, place: tuple[str, ...]) -> None:
    """End the process; for some seconds the place is not asked for again."""
    cache.write(ListedNames(), *place)
    os._exit(0)


def _list_page(client: "Client", bucket: str = "", prefix: str = "") -> ListedNames:
    from coskit.cli.arguments.locations import argument_key

    if not bucket:
        buckets = client.list_buckets().get("Buckets") or {}
        return ListedNames(tuple(str(each["Name"]) for each in buckets.get("Bucket", ())))
    page: Any = client.list_objects(
        bucket, Prefix=argument_key(prefix), Delimiter="/", MaxKeys=_PAGE
    )
    names = [str(each["Prefix"]) for each in page.get("CommonPrefixes", ())]
    names += [str(each["Key"]) for each in page.get("Contents", ())]
    return ListedNames(tuple(sorted(names)), str(page.get("IsTruncated")).lower() != "true")
