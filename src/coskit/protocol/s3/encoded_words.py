"""Encoded words (RFC 2047), in which S3 carries user metadata that is not ASCII."""

import re
from base64 import b64decode, b64encode
from binascii import a2b_qp

from coskit.protocol.messages import unsendable

_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z0-9-]{1,20})?\?([bBqQ])\?([!->@-~]*)\?=")
_BYTES = 45  # of a word, which makes 72 of at most 75 characters


def encode_words(text: str) -> str:
    """Return a value as encoded words, or unchanged if it is ASCII without an encoded word.

    Args:
        text: the value; bytes that are not UTF-8 stay unchanged.
    """
    if text.isascii() and ("=?" not in text or decode_words(text) == text):
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text
    words, piece = [], b""
    for sign in text:
        raw = sign.encode()
        if len(piece) + len(raw) > _BYTES:
            words.append(piece)
            piece = b""
        piece += raw
    return " ".join(f"=?UTF-8?B?{b64encode(word).decode()}?=" for word in (*words, piece))


def decode_words(text: str) -> str:
    """Decode the encoded words of a value, as the inverse of `encode_words`.

    Args:
        text: the value; it is returned unchanged if its words are malformed or hold a character
            that no header can.
    """
    if "=?" not in text or not text.isascii():
        return text
    try:
        found = _decoded(text)
    except (ValueError, LookupError):
        return text
    return text if unsendable(found) else found


def _decoded(text: str) -> str:
    pieces: list[str] = []
    charset, raw, at = "", b"", 0
    for word in _WORD.finditer(text):
        between = text[at : word.start()]
        is_next = at > 0 and not between.strip(" \t")  # blanks between two words are dropped
        if not (is_next and word[1].lower() == charset):  # else a character may be cut in two
            pieces += [raw.decode(charset or "ascii"), "" if is_next else between]
            raw = b""
        charset, at = word[1].lower(), word.end()
        raw += (
            b64decode(word[3], validate=True) if word[2] in "bB" else a2b_qp(word[3], header=True)
        )
    return "".join((*pieces, raw.decode(charset or "ascii"), text[at:]))
