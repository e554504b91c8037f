"""The place where a listing continues, and listings that do not name it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from coskit.client.request.pagination import (
    next_key,
    next_mark,
    next_part,
    next_upload,
    next_version,
)
from coskit.protocol.errors import CosClientError

MORE, LAST = {"IsTruncated": "true"}, {"IsTruncated": "false"}


@pytest.mark.parametrize(
    ("here", "there"),
    [("", "a"), ("a", "b"), (("", ""), ("a", "")), (("a", "1"), ("a", "2")), (0, 3)],
)
def test_a_cut_off_listing_goes_on_at_its_mark(here: object, there: object) -> None:
    assert next_mark(MORE, here, there) == there
    assert next_mark(LAST, here, there) is None


@pytest.mark.parametrize(
    ("here", "there"),
    [("", ""), ("a", ""), ("a", "a"), (("a", "1"), ("", "")), (("a", "1"), ("a", "1")), (7, 0)],
)
def test_a_cut_off_listing_that_does_not_go_on_is_refused(here: object, there: object) -> None:
    with pytest.raises(CosClientError, match="does not say where"):
        next_mark(MORE, here, there)


@pytest.mark.parametrize(
    ("mark_of", "page", "lacks"),
    [
        (next_key, {"Contents": [{"Key": "a"}, {"ETag": "e"}]}, "Key"),
        (next_key, {"CommonPrefixes": [{}]}, "Prefix"),
        (next_version, {"Order": ["Version"], "Version": [{"VersionId": "v"}]}, "Key"),
        (next_upload, {"Upload": [{"UploadId": "u"}]}, "Key"),
        (next_part, {"Part": [{"Size": "1"}]}, "PartNumber"),
        (next_part, {"Part": [{"PartNumber": "one"}]}, "number"),
        (next_part, {"NextPartNumberMarker": "\N{SUPERSCRIPT TWO}"}, "number"),
    ],
)
def test_an_entry_that_lacks_what_all_have_is_an_error_of_the_client(
    mark_of: Callable[[Mapping[str, Any]], object], page: Mapping[str, Any], lacks: str
) -> None:
    with pytest.raises(CosClientError, match=lacks):
        mark_of(page)


def test_a_page_without_entries_gives_the_beginning() -> None:
    assert [next_key({}), next_part({})] == ["", 0]
    assert next_version({}) == next_upload({}) == ("", "")
