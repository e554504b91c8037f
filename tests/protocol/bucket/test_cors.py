"""CORS rules: valid ones, and the requests that they allow."""

from typing import Any

import pytest

from coskit.protocol.bucket.cors import allow, dump_rules, header_list, load_document, load_rules
from coskit.protocol.errors import CosServiceError, InvalidArgument, MalformedXML, XMLSizeLimit


def rule(*origins: str, **more: Any) -> dict[str, Any]:
    """Return a rule for GET and PUT."""
    return {"AllowedOrigin": list(origins), "AllowedMethod": ["GET", "PUT"], **more}


WILD = rule("*", AllowedHeader=["*"], ExposeHeader=["ETag", "x-cos-request-id"], MaxAgeSeconds=60)
ONE = rule("https://a.example", AllowedHeader=["Content-*", "X-One"])
ANY_LABEL = rule("https://*.example", "http://localhost:*")

ALLOWED: list[tuple[str, dict[str, Any], str, str, str, bool]] = [
    ("the star allows any origin", WILD, "null", "GET", "", True),
    ("the star allows any header", WILD, "http://b", "PUT", "authorization, x-cos-acl", True),
    ("a method has to be listed", WILD, "http://b", "DELETE", "", False),
    ("a method is compared by case", WILD, "http://b", "get", "", False),
    ("an origin is compared whole", ONE, "https://a.example", "GET", "", True),
    ("another scheme is another origin", ONE, "http://a.example", "GET", "", False),
    ("an origin does not match as a prefix", ONE, "https://a.example.evil", "GET", "", False),
    ("names of headers know no case", ONE, "https://a.example", "PUT", "CONTENT-TYPE,x-one", True),
    ("every header has to be listed", ONE, "https://a.example", "PUT", "x-one, x-two", False),
    ("a star stands for a label", ANY_LABEL, "https://www.example", "GET", "", True),
    ("a star stands for nothing too", ANY_LABEL, "https://.example", "GET", "", True),
    ("what surrounds a star may not overlap", rule("aba*aba"), "aba", "GET", "", False),
    ("a star may stand at the end", ANY_LABEL, "http://localhost:8080", "PUT", "", True),
    ("no listed header allows no header", ANY_LABEL, "https://a.example", "GET", "x", False),
    ("no origin is no match", ONE, "", "GET", "", False),
]


@pytest.mark.parametrize(
    ("given", "origin", "method", "headers", "allowed"),
    [row[1:] for row in ALLOWED],
    ids=[row[0] for row in ALLOWED],
)
def test_a_rule_allows(
    given: dict[str, Any], origin: str, method: str, headers: str, allowed: bool
) -> None:
    rules = load_rules(dump_rules({"CORSRule": [given]}))
    assert (allow(rules, origin, method, header_list(headers)) is not None) is allowed


def test_the_first_rule_that_allows_decides() -> None:
    rules = load_rules(
        dump_rules(
            {
                "CORSRule": [
                    rule("https://a.example", MaxAgeSeconds=1, AllowedMethod=["HEAD"]),
                    rule("https://a.example", MaxAgeSeconds=2, ExposeHeader=["ETag"]),
                    rule("*", MaxAgeSeconds=3),
                ]
            }
        )
    )
    assert allow(rules, "https://a.example", "GET") == {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Methods": "GET,PUT",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "2",
        "Access-Control-Allow-Credentials": "true",
    }
    assert allow(rules, "https://b.example", "GET") == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET,PUT",
        "Access-Control-Max-Age": "3",
    }


def test_the_rules_are_kept_as_they_were_given() -> None:
    document = {"CORSRule": [{"ID": "一", **WILD, "MaxAgeSeconds": "60"}, ONE]}
    assert load_document(dump_rules(document)) == document


BAD: list[tuple[str, dict[str, Any], type[CosServiceError]]] = [
    ("no rule", {}, MalformedXML),
    ("101 rules", {"CORSRule": [rule("*")] * 101}, InvalidArgument),
    ("64 KB", {"CORSRule": [rule(*["http://" + "a" * 1000] * 70)]}, XMLSizeLimit),
    ("no origin", {"CORSRule": [{"AllowedMethod": ["GET"]}]}, MalformedXML),
    ("no method", {"CORSRule": [{"AllowedOrigin": ["*"]}]}, MalformedXML),
    ("another method", {"CORSRule": [rule("*", AllowedMethod=["PATCH"])]}, InvalidArgument),
    ("OPTIONS", {"CORSRule": [rule("*", AllowedMethod=["OPTIONS"])]}, InvalidArgument),
    ("two stars", {"CORSRule": [rule("http://*.*.example")]}, InvalidArgument),
    ("an empty origin", {"CORSRule": [rule("")]}, InvalidArgument),
    ("a line break", {"CORSRule": [rule("http://a\r\nb")]}, InvalidArgument),
    ("a header of two words", {"CORSRule": [rule("*", AllowedHeader=["a b"])]}, InvalidArgument),
    ("a header of two stars", {"CORSRule": [rule("*", AllowedHeader=["**"])]}, InvalidArgument),
    ("an exposed break", {"CORSRule": [rule("*", ExposeHeader=["a\nb"])]}, InvalidArgument),
    ("an age in letters", {"CORSRule": [rule("*", MaxAgeSeconds="day")]}, InvalidArgument),
    ("a negative age", {"CORSRule": [rule("*", MaxAgeSeconds="-1")]}, InvalidArgument),
    ("a long ID", {"CORSRule": [rule("*", ID="i" * 256)]}, InvalidArgument),
]


@pytest.mark.parametrize(("document", "error"), [row[1:] for row in BAD], ids=[r[0] for r in BAD])
def test_rules_that_make_no_sense_are_refused(
    document: dict[str, Any], error: type[CosServiceError]
) -> None:
    with pytest.raises(error):
        dump_rules(document)
