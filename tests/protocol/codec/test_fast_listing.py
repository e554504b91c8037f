"""The fast reader of listings gives the same results as the parser."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol import operations as table
from coskit.protocol.codec.xml import document as xml
from coskit.protocol.codec.xml.fast_listing import read_document
from coskit.protocol.model import Operation, Shape

LISTING = table.LIST_OBJECTS.result or Shape("")
TEXT = st.text(st.characters(codec="ascii", min_codepoint=32), max_size=12)
OBJECTS = st.lists(
    st.fixed_dictionaries(
        {
            "Key": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
            "LastModified": TEXT,
            "ETag": TEXT.map(lambda text: f'"{text}"'),
            "Size": st.integers(0, 10**15).map(str),
            "Owner": st.fixed_dictionaries({"ID": TEXT, "DisplayName": TEXT}),
            "StorageClass": TEXT,
        },
        optional={"StorageTier": TEXT},
    ),
    min_size=0,
    max_size=12,
)


def by_the_parser(shape: Shape, document: bytes, *, decode: bool = True) -> dict[str, Any]:
    return xml.load(shape, xml.parse(document), decode=decode)


def listing(objects: list[dict[str, Any]], *, encode: bool, **more: Any) -> bytes:
    """Return a listing, long enough to be worth a pattern."""
    filler = [objects[n % len(objects)] for n in range(60)] if objects else []
    fields = {
        "Name": "b-1250000000",
        "Prefix": None,
        "Marker": None,
        "MaxKeys": "1000",
        "IsTruncated": "false",
        "Contents": [*objects, *filler],
        **({"EncodingType": "url"} if encode else {}),
        **more,
    }
    return xml.dump(LISTING, fields, encode=encode)


@given(objects=OBJECTS, decode=st.booleans())
def test_a_listing_is_what_the_parser_makes_of_it(
    objects: list[dict[str, Any]], decode: bool
) -> None:
    document = listing(objects, encode=True, CommonPrefixes=[{"Prefix": "a b/"}])
    assert read_document(LISTING, document, decode=decode) == by_the_parser(
        LISTING, document, decode=decode
    )


OBJECT = {
    "Key": "a",
    "LastModified": "2023-11-14T22:13:20.000Z",
    "ETag": '"b"',
    "Size": "1",
    "Owner": {"ID": "1", "DisplayName": "1"},
    "StorageClass": "STANDARD",
}
PLAIN = listing([OBJECT], encode=False)
MIDDLE = PLAIN.index(b"<Contents>", len(PLAIN) // 2)


def with_middle(text: str) -> bytes:
    return PLAIN[:MIDDLE] + text.encode() + PLAIN[MIDDLE:]


ODD = [
    ("a comment", with_middle("<!-- <Contents><Key>x</Key></Contents> -->")),
    ("character data", with_middle("<Contents><Key><![CDATA[<a>]]></Key></Contents>")),
    ("an attribute", with_middle('<Contents a="&quot;"><Key>x</Key></Contents>')),
    ("an attribute of a text", with_middle('<Contents><Key a="b">x</Key></Contents>')),
    ("another order", with_middle("<Contents><Size>1</Size><Key>x</Key></Contents>")),
    ("an empty element", with_middle("<Contents/>")),
    ("an empty text", with_middle("<Contents><Key/><Size></Size></Contents>")),
    ("an unknown text", with_middle("<Contents><Key>x</Key><New>y</New></Contents>")),
    ("an unknown element", with_middle("<Contents><New><Key>y</Key></New></Contents>")),
    ("an entity in an unknown text", with_middle("<Contents><New>&amp;</New></Contents>")),
    ("unknown texts within", with_middle("<Contents><Owner><New>y</New></Owner></Contents>")),
    ("an owner that is empty", with_middle("<Contents><Key>x</Key><Owner/></Contents>")),
    ("a text twice", with_middle("<Contents><Key>x</Key><Key>y</Key></Contents>")),
    ("a number of a character", with_middle("<Contents><Key>&#65;&#x42;</Key></Contents>")),
    ("entities", with_middle("<Contents><Key>&amp;lt;&quot;&gt;</Key></Contents>")),
    ("blanks between", with_middle("\n  <Contents>\n <Key> x </Key>\n </Contents>\n")),
    ("words between", with_middle("<Contents>a<Key>x</Key>b</Contents>c")),
    ("a line break as Windows has it", with_middle("<Contents><Key>a\r\nb</Key></Contents>")),
    ("what is no ASCII", with_middle("<Contents><Key>ä</Key></Contents>")),
    ("another element between", with_middle("<CommonPrefixes><Prefix>p</Prefix></CommonPrefixes>")),
    ("its own kind within", with_middle("<Contents><Contents>x</Contents></Contents>")),
    ("a namespace", PLAIN.replace(b"<ListBucketResult>", b'<ListBucketResult xmlns="urn:a">')),
    ("a prefix", with_middle('<s:Contents xmlns:s="urn:a"><s:Key>x</s:Key></s:Contents>')),
    ("deeper down", PLAIN.replace(b"<Contents>", b"<Other><Contents>", 1).replace(
        b"</ListBucketResult>", b"</Other></ListBucketResult>")),
    ("blanks before all", b"  \n" + PLAIN),
]  # fmt: skip


@pytest.mark.parametrize("document", [row[1] for row in ODD], ids=[row[0] for row in ODD])
def test_what_is_not_as_usual_is_read_as_well(document: bytes) -> None:
    assert read_document(LISTING, document, decode=True) == by_the_parser(LISTING, document)


BROKEN = [
    ("a tag that is not closed", with_middle("<Contents><Key>x</Contents>")),
    ("a tag that is closed twice", with_middle("<Contents><Key>x</Key></Key></Contents>")),
    ("an entity without a name", with_middle("<Contents><Key>a&b</Key></Contents>")),
    ("an unknown entity in an unknown text", with_middle("<Contents><N>&nbsp;</N></Contents>")),
    ("the end of character data", with_middle("<Contents><Key>a]]>b</Key></Contents>")),
    ("an unknown entity", with_middle("<Contents><Key>&nbsp;</Key></Contents>")),
    ("a control character", with_middle("<Contents><Key>\x01</Key></Contents>")),
    ("no end", PLAIN[:-4]),
    ("an end within an element", PLAIN[: PLAIN.rindex(b"<Size>") + 9]),
    ("two roots", PLAIN + b"<a/>"),
    ("another root", PLAIN.replace(b"ListBucketResult>", b"Other>")),
]


@pytest.mark.parametrize("document", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_broken_is_refused(document: bytes) -> None:
    with pytest.raises(xml.NotThisShape):
        read_document(LISTING, document, decode=True)


DAMAGE = ["<", ">", "&", "/", "\0", "a", "</Contents>", "<Key>"]


@given(place=st.integers(0, len(PLAIN)), text=st.sampled_from(DAMAGE))
def test_a_damaged_listing_is_never_read_as_another(place: int, text: str) -> None:
    document = PLAIN[:place] + text.encode() + PLAIN[place:]
    try:
        expected: object = by_the_parser(LISTING, document)
    except xml.NotThisShape:
        expected = xml.NotThisShape
    try:
        found: object = read_document(LISTING, document, decode=True)
    except xml.NotThisShape:
        found = xml.NotThisShape
    assert found == expected


@pytest.mark.parametrize(
    "operation", [table.LIST_PARTS, table.LIST_OBJECTS_VERSIONS, table.DELETE_OBJECTS]
)
def test_other_long_responses_are_read_by_the_parser(operation: Operation) -> None:
    shape = operation.result
    assert shape is not None
    rows = [child for child in shape.children if child.many and child.children]
    item = "".join(f"<{c.tag}>{7 if c.number else 'x'}</{c.tag}>" for c in rows[0].children
                   if not c.children)  # fmt: skip
    inner = "".join(f"<{row.tag}>{item}</{row.tag}>" for row in rows for _ in range(80))
    document = f"<{shape.tag}>{inner}</{shape.tag}>".encode()
    assert read_document(shape, document, decode=True) == by_the_parser(shape, document)
