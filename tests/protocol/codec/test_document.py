"""XML documents: escaping, ignored elements and refused documents."""

from typing import Any

import pytest
from hypothesis import given

from coskit.protocol.codec.xml.document import (
    NotThisShape,
    UnwritableText,
    check_complete,
    dump,
    items,
    load,
    parse,
    writable,
)
from coskit.protocol.model import Shape
from coskit.protocol.operations import ACCESS_CONTROL, BY_NAME
from tests.protocol.strategies import documents, texts, xml_texts
from tests.support.keys import UNWRITABLE_KEYS

DECLARATION = b"<?xml version='1.0' encoding='utf-8' ?>\n"
THING = Shape(
    "Thing",
    (
        Shape("Kind", attribute="xsi:type"),
        Shape("Name"),
        Shape("Note", blank=True),
        Shape("Count", number=True),
        Shape("Path", encoded=True),
        Shape("Inner", (Shape("A"),), blank=True),
        Shape("Item", (Shape("K"), Shape("V", optional=True)), many=True),
        Shape("Always", (Shape("K"),), many=True, always=True),
    ),
)


def written(value: dict[str, Any], *, encode: bool = False) -> str:
    document = dump(THING, value, encode=encode)
    assert document.startswith(DECLARATION)
    return document.removeprefix(DECLARATION).decode()


WRITTEN: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, ""),
    "text": ({"Name": "a"}, "<Name>a</Name>"),
    "empty text": ({"Name": ""}, "<Name></Name>"),
    "None where text belongs": ({"Name": None}, ""),
    "None where it may be blank": ({"Note": None}, "<Note/>"),
    "a number": ({"Count": 7}, "<Count>7</Count>"),
    "a truth": ({"Name": True}, "<Name>true</Name>"),
    "markup": ({"Name": "<&>\"']]>"}, "<Name>&lt;&amp;&gt;\"']]&gt;</Name>"),
    "line ends": ({"Name": "a\r\nb\tc"}, "<Name>a&#13;\nb\tc</Name>"),
    "one item alone": ({"Item": {"K": "a"}}, "<Item><K>a</K></Item>"),
    "items": ({"Item": [{"K": "a"}, {"K": "b"}]}, "<Item><K>a</K></Item><Item><K>b</K></Item>"),
    "no items": ({"Item": []}, ""),
    "unknown keys": ({"Other": "x"}, ""),
    "the order of the shape": ({"Count": 1, "Name": "a"}, "<Name>a</Name><Count>1</Count>"),
}


@pytest.mark.parametrize(("value", "inner"), WRITTEN.values(), ids=WRITTEN)
def test_writing(value: dict[str, Any], inner: str) -> None:
    assert written(value) == f"<Thing>{inner}</Thing>"


def test_an_attribute_is_written_with_its_namespace_and_escaped() -> None:
    value = {"Kind": "a\"b<&>\r\n'"}
    text = written(value)
    assert text.startswith('<Thing xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type=')
    assert load(THING, parse(text.encode()))["Kind"] == value["Kind"]


def test_the_root_declares_its_namespace_and_is_read_without() -> None:
    shape = BY_NAME["CompleteMultipartUpload"].result
    assert shape is not None
    document = dump(shape, {"ETag": '"a-1"'})
    assert b'xmlns="http://www.qcloud.com/document/product/436/7751"' in document
    assert load(shape, parse(document)) == {"ETag": '"a-1"'}


def test_only_encoded_fields_are_percent_encoded() -> None:
    text = written({"Name": "a b", "Path": "a b+\u4e2d\x01/~"}, encode=True)
    assert text == "<Thing><Name>a b</Name><Path>a%20b%2B%E4%B8%AD%01/~</Path></Thing>"


MIXED = Shape(
    "Mixed",
    (
        Shape("Name", optional=True),
        Shape("A", (Shape("N"),), many=True, order="Order"),
        Shape("B", (Shape("N"),), many=True, order="Order"),
        Shape("Last", optional=True),
    ),
)


def numbered(*numbers: int) -> list[dict[str, str]]:
    return [{"N": str(number)} for number in numbers]


def test_elements_that_mix_keep_their_order() -> None:
    value = {"Name": "n", "A": numbered(1, 3), "B": numbered(2, 4), "Last": "l", "Order": [*"BAAB"]}
    document = dump(MIXED, value)
    assert document.endswith(
        b"<Mixed><Name>n</Name><B><N>2</N></B><A><N>1</N></A><A><N>3</N></A><B><N>4</N></B>"
        b"<Last>l</Last></Mixed>"
    )
    assert load(MIXED, parse(document)) == value


def test_without_an_order_one_kind_comes_after_the_other() -> None:
    value = {"B": numbered(1), "A": numbered(2, 3)}
    assert load(MIXED, parse(dump(MIXED, value))) == {**value, "Order": [*"AAB"]}
    assert load(MIXED, parse(dump(MIXED, {"Name": "n"}))) == {"Name": "n"}


@pytest.mark.parametrize("order", ["", "A", "AAB", "ABB", "AC", "ABC"])
def test_an_order_of_other_elements_than_there_are_is_refused(order: str) -> None:
    with pytest.raises(NotThisShape, match="Order"):
        dump(MIXED, {"A": numbered(1), "B": numbered(2), "Order": [*order]})


READ: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("", {}),
    "text": ("<Name>a</Name>", {"Name": "a"}),
    "empty text": ("<Name/>", {"Name": ""}),
    "blanks": ("<Name> a </Name>", {"Name": " a "}),
    "an empty element that may be": ("<Note></Note>", {"Note": None}),
    "an empty dict that may be": ("<Inner/>", {"Inner": None}),
    "a dict": ("<Inner><A>1</A></Inner>", {"Inner": {"A": "1"}}),
    "a number": ("<Count> 7\n</Count>", {"Count": 7}),
    "one item": ("<Item><K>a</K></Item>", {"Item": [{"K": "a"}]}),
    "scattered items": (
        "<Item><K>a</K></Item><Name>n</Name><Item><K>b</K></Item>",
        {"Item": [{"K": "a"}, {"K": "b"}], "Name": "n"},
    ),
    "unknown elements": ("<Other><Name>x</Name></Other><Name>a</Name>", {"Name": "a"}),
    "white space between": ("\n  <Name>a</Name>\n  ", {"Name": "a"}),
    "comments and instructions": ("<!-- c --><Name>a<!-- c -->b<?p i?>c</Name>", {"Name": "abc"}),
    "a CDATA section": ("<Name><![CDATA[<&>]]></Name>", {"Name": "<&>"}),
    "references": ("<Name>&lt;&#13;&#x4e2d;</Name>", {"Name": "<\r\u4e2d"}),
    "another namespace": ('<n:Name xmlns:n="urn:x">a</n:Name>', {"Name": "a"}),
    "an attribute": (
        '<Name xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x">a</Name>',
        {"Name": "a"},
    ),
    "an attribute's child": ("<Kind>a</Kind>", {"Kind": "a"}),
    "percent signs": ("<Path>a%20b</Path>", {"Path": "a%20b"}),
}


@pytest.mark.parametrize("root", ["<Thing>", '<Thing xmlns="urn:any">', '<Thing other="1">'])
@pytest.mark.parametrize(("inner", "value"), READ.values(), ids=READ)
def test_reading(inner: str, value: dict[str, Any], root: str) -> None:
    for start in ("", " \r\n ", "  <?xml version='1.0' encoding='UTF-8'?>", "\n<!-- c -->"):
        document = f"{start}{root}{inner}</Thing>".encode()
        assert load(THING, parse(document)) == {"Always": [], **value}


def test_percent_encoding_is_undone_if_the_document_declares_it() -> None:
    shape = BY_NAME["ListObjects"].result
    assert shape is not None
    for says in ("EncodingType", "Encoding-Type"):
        root = parse(
            f"<ListBucketResult><{says}>url</{says}><Prefix>a%20b</Prefix><Name>%20</Name>"
            "</ListBucketResult>".encode()
        )
        assert load(shape, root, decode=True)["Prefix"] == "a b"
        assert load(shape, root, decode=True)["Name"] == "%20"
        assert load(shape, root)["Prefix"] == "a%20b"
    plain = parse(b"<ListBucketResult><Prefix>a%20b</Prefix></ListBucketResult>")
    assert load(shape, plain, decode=True)["Prefix"] == "a%20b"


GRANTEES = {
    "the attribute": (
        '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">'
        "<URI>u</URI></Grantee>",
        {"Type": "Group", "URI": "u"},
    ),
    "the child that the vendor's SDK sends": (
        "<Grantee><Type>CanonicalUser</Type><ID>1</ID></Grantee>",
        {"Type": "CanonicalUser", "ID": "1"},
    ),
    "neither": ("<Grantee><ID>1</ID></Grantee>", {"ID": "1"}),
    "the attribute that the vendor's SDK for Go sends": (
        '<Grantee type="Group"><URI>u</URI></Grantee>',
        {"Type": "Group", "URI": "u"},
    ),
    "an attribute of another name": ('<Grantee kind="Group"><ID>1</ID></Grantee>', {"ID": "1"}),
}


@pytest.mark.parametrize(("grantee", "value"), GRANTEES.values(), ids=GRANTEES)
def test_the_type_of_a_grantee(grantee: str, value: dict[str, str]) -> None:
    document = (
        "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant>"
        f"{grantee}<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
    policy = load(ACCESS_CONTROL, parse(document.encode()))
    check_complete(ACCESS_CONTROL, policy)
    assert policy["AccessControlList"]["Grant"] == [{"Grantee": value, "Permission": "READ"}]


NOT_XML = {
    "nothing": b"",
    "blanks": b"  ",
    "text": b"Bad Gateway",
    "HTML": b"<html><br></html>",
    "half a document": b"<Thing><Name>a</Name>",
    "two roots": b"<Thing/><Thing/>",
    "a control character": b"<Thing><Name>\x01</Name></Thing>",
    "a reference to a control character": b"<Thing><Name>&#1;</Name></Thing>",
    "an unknown entity": b"<Thing><Name>&nbsp;</Name></Thing>",
    "bytes that are not UTF-8": b"<Thing><Name>\xff</Name></Thing>",
    "an unknown encoding": b"<?xml version='1.0' encoding='no-such'?><Thing/>",
    "an encoding of many bytes": b"<?xml version='1.0' encoding='utf-7'?><Thing/>",
    "an encoding that is none of text": b"<?xml version='1.0' encoding='hex'?><Thing/>",
}


@pytest.mark.parametrize("document", NOT_XML.values(), ids=NOT_XML)
def test_what_is_not_well_formed_is_refused(document: bytes) -> None:
    with pytest.raises(NotThisShape, match="not well-formed"):
        parse(document)


WRONG = {
    "another root": ("<Error/>", "expected <Thing>, not <Error>"),
    "a word for a number": ("<Thing><Count>x</Count></Thing>", "<Count> is not a number"),
    "nothing for a number": ("<Thing><Count/></Thing>", "<Count> is not a number"),
    "a negative number": ("<Thing><Count>-1</Count></Thing>", "<Count> is not a number"),
    "a huge number": (f"<Thing><Count>{'1' * 5000}</Count></Thing>", "<Count> is not a number"),
    "Arabic digits": ("<Thing><Count>\u0661</Count></Thing>", "<Count> is not a number"),
}


@pytest.mark.parametrize(("document", "words"), WRONG.values(), ids=WRONG)
def test_what_has_another_shape_is_refused(document: str, words: str) -> None:
    with pytest.raises(NotThisShape, match=words):
        load(THING, parse(document.encode()))


INCOMPLETE = {
    "a text": ({}, "<Thing> lacks <Name>"),
    "a field of an item": (
        {"Name": "", "Note": None, "Count": 1, "Path": "", "Inner": None, "Item": [{"V": "x"}]},
        "<Item> lacks <K>",
    ),
}


@pytest.mark.parametrize(("value", "words"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_what_lacks_an_element_is_not_complete(value: dict[str, Any], words: str) -> None:
    with pytest.raises(NotThisShape, match=words):
        check_complete(THING, value)


MISUSED: dict[str, dict[str, Any]] = {
    "text for a dict": {"Inner": "x"},
    "a list for a dict": {"Inner": [{"A": "1"}]},
    "text for an item": {"Item": ["x"]},
    "a dict for text": {"Name": {"A": "1"}},
    "a list for text": {"Name": ["a"]},
    "bytes for text": {"Name": b"a"},
}


@pytest.mark.parametrize("value", MISUSED.values(), ids=MISUSED)
def test_a_dict_of_another_shape_is_not_written(value: dict[str, Any]) -> None:
    with pytest.raises(NotThisShape):
        dump(THING, value)


@pytest.mark.parametrize("text", [*UNWRITABLE_KEYS, chr(0xD800), chr(0xDCFF)], ids=ascii)
def test_control_characters_are_refused_or_replaced(text: str) -> None:
    for field in ("Name", "Kind", "Path"):
        with pytest.raises(UnwritableText):
            dump(THING, {field: text})
    document = dump(THING, {"Name": writable(text)})
    assert load(THING, parse(document))["Name"] == writable(text)
    assert len(writable(text)) == len(text)


@given(text=xml_texts)
def test_what_xml_can_carry_is_left_alone(text: str) -> None:
    assert writable(text) == text


@given(value=documents(THING))
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    assert load(THING, parse(dump(THING, value))) == value


@given(text=texts)
def test_any_text_travels_percent_encoded(text: str) -> None:
    shape = Shape("R", (Shape("EncodingType"), Shape("K", encoded=True)))
    value = {"EncodingType": "url", "K": text}
    assert load(shape, parse(dump(shape, value, encode=True)), decode=True) == value


def test_items_are_a_list_in_any_case() -> None:
    assert items(None, "Item") == ()
    assert items({}, "Item") == ()
    assert items({"Item": None}, "Item") == ()
    assert items({"Item": {"K": "a"}}, "Item") == ({"K": "a"},)
    assert items({"Item": [1, 2]}, "Item") == [1, 2]
