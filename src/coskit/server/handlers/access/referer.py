"""Referer rules of a bucket (hotlink protection), applied to unsigned requests.

Sources: vendor: PUT Bucket referer; Setting Hotlink Protection.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import AccessDenied, InvalidArgument, MalformedXML
from coskit.protocol.messages import Request
from coskit.server.handlers.context import Context, Principal, Reply
from coskit.server.store.model import Bucket

_SETTING = "referer"
_SCHEME = re.compile("https?://", re.IGNORECASE)
_AFTER_HOST = re.compile(r"[/?#\\]")
# Parameters that carry a signature.
_SIGNATURES = frozenset(
    ("q-signature", "sign", "X-Amz-Algorithm", "X-Amz-Signature", "AWSAccessKeyId")
)
_MAX_LENGTH = 1024
_MAX_DOMAINS = 100
_MAX_STARS = 8
_MAX_REFERER = 4096  # characters of a referer that are compared; longer than any listed page


@dataclass(frozen=True, slots=True)
class RefererPattern:
    """A listed page or domain, in lower case: a prefix, in which `*` stands for subdomains.

    `example.com` matches `example.com/1`, `example.com:8080` and `example.com.cn`;
    `*.example.com` matches `example.com` too.

    Attributes:
        pieces: the texts between the `*`.
        has_subdomains: `*.` precedes the first piece.
    """

    pieces: tuple[str, ...]
    has_subdomains: bool

    def begins(self, text: str) -> bool:
        """Return whether a referer in lower case, without its scheme, begins with this pattern."""
        first, *rest = self.pieces
        if text.startswith(first) and _match_pieces(text, len(first), rest):
            return True
        return self.has_subdomains and _match_pieces(text, 0, [f".{first}", *rest])


def _match_pieces(text: str, at: int, pieces: Sequence[str]) -> bool:
    r"""Return whether the pieces follow each other from `at` on, with no `/?#\` between them.

    Only the first position of each piece counts: a later one is followed by nothing that the first
    one is not followed by. So the text is read once, for any number of `*`.
    """
    stop = -1
    for piece in pieces:
        if stop < at:
            found = _AFTER_HOST.search(text, at)
            stop = found.start() if found else len(text)
        at = text.find(piece, at, stop + len(piece))
        if at < 0:
            return False
        at += len(piece)
    return True


@dataclass(frozen=True, slots=True)
class RefererRules:
    """The compiled rules of a bucket.

    Attributes:
        is_allow_list: the list is an allow list; otherwise it is a deny list.
        allows_empty_referer: a request without a referer is allowed.
        applies_to_signed_urls: the rules apply to signed URLs too.
        patterns: the listed patterns.
    """

    is_allow_list: bool
    allows_empty_referer: bool
    applies_to_signed_urls: bool
    patterns: tuple[RefererPattern, ...]

    def admit(self, referer: str) -> bool:
        """Return whether a request with this referer is allowed; "" stands for no referer."""
        if not referer.strip():
            return self.allows_empty_referer
        text = _SCHEME.sub("", referer.strip()[:_MAX_REFERER], 1).lower()
        return any(page.begins(text) for page in self.patterns) == self.is_allow_list


async def put_bucket_referer(ctx: Context) -> Reply:
    """Replace the rules; a request without a document removes them."""
    document = ctx.params.get("RefererConfiguration")
    if document:
        if not (document.get("Status") and document.get("RefererType")):
            raise MalformedXML("Referer rules need a Status and a RefererType")
        pages = _listed_domains(document)
        if len(pages) > _MAX_DOMAINS or any(map(_exceeds_limits, pages)):
            most = f"{_MAX_DOMAINS} Domains of {_MAX_LENGTH} characters with {_MAX_STARS} asterisks"
            raise InvalidArgument(f"Referer rules list at most {most}")
    kept = json.dumps(document) if document else None
    await ctx.store.index.update_bucket(ctx.bucket.name, config={_SETTING: kept})
    return Reply()


async def get_bucket_referer(ctx: Context) -> Reply:
    """Return the rules; an empty result if there are none."""
    text = ctx.bucket.config.get(_SETTING)
    return Reply(json.loads(text) if text else {})


def require_referer(principal: Principal, bucket: Bucket) -> None:
    """Refuse a request whose referer the bucket's rules do not allow.

    The rules do not apply to signed requests, except to signed URLs where the rules say so, because
    a URL can be passed on.

    Raises:
        AccessDenied: the rules do not allow the referer.
    """
    text = bucket.config.get(_SETTING)
    if text is None or principal.request_context is None:
        return
    rules = _active_rules(text)
    request = principal.request_context.request
    if rules is None or (principal.account is not None and not _applies_to_signed(rules, request)):
        return
    if not rules.admit(request.headers.get("referer", "")):
        raise AccessDenied("You are denied by bucket referer rule")


def _applies_to_signed(rules: RefererRules, request: Request) -> bool:
    in_url = any(name in _SIGNATURES for name, _ in request.query)
    return rules.applies_to_signed_urls and in_url


@lru_cache(maxsize=256)
def _active_rules(text: str) -> RefererRules | None:
    """Return the rules of a setting; None if they are disabled."""
    document = json.loads(text)
    if document["Status"] != "Enabled":
        return None
    return RefererRules(
        document["RefererType"] == "White-List",
        document.get("EmptyReferConfiguration", "Deny") == "Allow",
        document.get("VerifySignatureURL") == "Enabled",
        tuple(_parse_pattern(text) for text in _listed_domains(document)),
    )


def _listed_domains(document: object) -> list[str]:
    inner = document.get("DomainList") if isinstance(document, dict) else None
    return [page.strip() for page in items(inner, "Domain") if page and page.strip()]


def _exceeds_limits(page: str) -> bool:
    return len(page) > _MAX_LENGTH or page.count("*") > _MAX_STARS


def _parse_pattern(text: str) -> RefererPattern:
    text = _SCHEME.sub("", text, 1).lower()
    return RefererPattern(tuple(text.removeprefix("*.").split("*")), text.startswith("*."))
