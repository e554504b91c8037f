"""Documents that strangers sent, parsed so that none of them can do harm."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree, common

from coskit.protocol.codec.xml.document import NotThisShape


def parse_stranger(document: bytes) -> Element:
    """Parse a document that a stranger sent: no entities, no DTD.

    Raises:
        NotThisShape: it is not well-formed, or it is an attack.
    """
    try:
        return ElementTree.fromstring(document.lstrip(), forbid_dtd=True)
    except (ParseError, common.DefusedXmlException, ValueError, LookupError) as cause:
        raise NotThisShape(f"not well-formed XML: {cause}") from cause
