"""The vendor's `Xml2Dict`: an element of XML as a dict."""

from typing import Any


class Xml2Dict(dict[str, Any]):
    """The children of an element by tag: texts, dicts, and lists of repeated ones.

    Args:
        parent_node: an element of `xml.etree`.
    """

    def __init__(self, parent_node: Any) -> None:
        super().__init__()
        for name, value in parent_node.items():
            self._add(name, value)
        if len(parent_node) == 0:
            self._add(parent_node.tag, parent_node.text)
        for element in parent_node:
            self._add(element.tag, _value(element))

    def updateDict(self, aDict: dict[str, Any]) -> None:  # noqa: N802 - the vendor's name
        """Add the items of a dict; a key that exists already gets a list."""
        for name, value in aDict.items():
            self._add(name, value)

    def _add(self, name: str, value: Any) -> None:
        if name not in self:
            self[name] = value
        elif isinstance(self[name], list):
            self[name].append(value)
        else:
            self[name] = [self[name], value]


def _value(element: Any) -> Any:
    if len(element):
        return Xml2Dict(element)
    attributes = dict(element.items())
    if not attributes:
        return element.text
    return {**attributes, element.tag: element.text} if element.text else attributes
