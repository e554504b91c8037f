"""HMAC with prepared keys gives the results of the standard library, for keys of any length."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.prepared_hmac import hmac_sha1, hmac_sha256
from coskit.protocol.messages import encode_text


@pytest.mark.parametrize("length", [0, 1, 40, 63, 64, 65, 200])
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_results_are_the_standard_librarys(length: int, text: str) -> None:
    key, message = "k" * length, encode_text(text)
    assert hmac_sha1(key, text) == hmac.new(key.encode(), message, "sha1").hexdigest()
    assert hmac_sha256(key.encode(), text) == hmac.new(key.encode(), message, "sha256").hexdigest()
