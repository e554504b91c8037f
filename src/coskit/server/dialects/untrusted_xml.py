"""Parse untrusted XML: no DTD, no entities."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree, common

from coskit.protocol.codec.xml.document import NotThisShape


def parse_untrusted(document: bytes) -> Element:
    """Return the root element of an untrusted document.

    Raises:
        NotThisShape: the document is not well-formed, or has a DTD or entities.
    """
    try:
        return ElementTree.fromstring(document.lstrip(), forbid_dtd=True)
    except (ParseError, common.DefusedXmlException, ValueError, LookupError) as cause:
        raise NotThisShape(f"not well-formed XML: {cause}") from cause
