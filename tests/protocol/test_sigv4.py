"""AWS Signature Version 4, as S3 tools sign for COS."""

from hashlib import sha256

import pytest

from coskit.protocol.messages import Request
from coskit.protocol.sigv4 import EMPTY_PAYLOAD, UNSIGNED_PAYLOAD, canonical_request, sign

DATE = "20231114T221320Z"
HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"


def test_the_published_vector() -> None:
    request = Request(
        "GET",
        "/dir/a b+c.txt",
        (("versionId", "null"),),
        {"host": HOST, "x-amz-content-sha256": EMPTY_PAYLOAD, "x-amz-date": DATE},
    )
    names = ("host", "x-amz-content-sha256", "x-amz-date")
    canonical = canonical_request(request, names, EMPTY_PAYLOAD)
    assert sha256(canonical.encode()).hexdigest() == (
        "0185e823d4f0e194f73472148840a4efec11ab5a9a56ab158feb1e05e6168028"
    )
    assert sign(canonical, "EXAMPLE-SECRET-KEY", DATE, "ap-beijing") == (
        "434dafd03673ae4e475d78911616f195bb022ade9f9e8d5d52e96ea7d804a064"
    )


CANONICAL = {
    "a path is encoded once": (Request("PUT", "/a%2Fb c+/~"), "PUT\n/a%252Fb%20c%2B/~\n\n"),
    "a path is not normalised": (Request("GET", "//a/../b"), "GET\n//a/../b\n\n"),
    "parameters are sorted once encoded": (
        Request("GET", "/", (("b", "/"), ("a", "2"), ("a", "1"), ("A", ""), ("a-", "x"))),
        "GET\n/\nA=&a=1&a=2&a-=x&b=%2F\n",
    ),
}


@pytest.mark.parametrize(("request_", "start"), CANONICAL.values(), ids=CANONICAL)
def test_the_first_lines(request_: Request, start: str) -> None:
    assert canonical_request(request_, ()) == f"{start}\n\n{UNSIGNED_PAYLOAD}"


VALUES = {
    "plain": ("a", "a"),
    "blanks around": ("  a ", "a"),
    "blanks within": ("a  \t b", "a b"),
    "spaces of other scripts": ("\u3000a\u3000\u3000b\xa0", "\u3000a\u3000\u3000b\xa0"),
    "bytes that are not UTF-8": ("\udcff", "\udcff"),
}


@pytest.mark.parametrize(("value", "canonical"), VALUES.values(), ids=VALUES)
def test_a_header_value(value: str, canonical: str) -> None:
    request = Request("GET", "/", (), {"x-amz-meta-a": value})
    text = canonical_request(request, ("x-amz-meta-a",), "hash")
    assert text == f"GET\n/\n\nx-amz-meta-a:{canonical}\n\nx-amz-meta-a\nhash"
    assert len(sign(text, "key", DATE, "any")) == 64
