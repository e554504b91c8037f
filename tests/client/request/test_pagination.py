"""Where a listing goes on, and one that does not say it."""

import pytest

from coskit.client.request.pagination import next_mark
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
