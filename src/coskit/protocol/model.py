"""The vocabulary of the operation table: Param, Shape, Operation."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

# The texts of an element or a parameter that is on or off; case is ignored.
TRUTHS = ("true", "false")

# The place of a parameter in the request. "local" parameters steer the client and are not sent.
Place = Literal[
    "bucket", "key", "query", "header", "metadata", "source", "xml", "json", "body", "local"
]
Level = Literal["service", "bucket", "object"]
Permission = Literal["", "READ", "WRITE", "READ_ACP", "WRITE_ACP", "OWNER"]


@dataclass(frozen=True, slots=True)
class Shape:
    """An XML element and the form of its dict.

    Attributes:
        tag: the element's name, and its key in the dict.
        children: the inner elements; an element without children holds text.
        many: whether the element repeats; its value is a list, also for one item.
        always: whether a `many` element without items gives an empty list instead of no key.
        optional: whether the key may be absent.
        order: for a `many` element that mixes with others: the key of a list that names the tag of
            each of them in document order; the key is the same for all of them.
        blank: whether an empty element gives `None` and `None` gives an empty element.
        number: whether the text is an integer in the dict.
        kind: the annotation of a text, if programs may pass another type as well.
        encoded: whether `encoding-type=url` percent-encodes the text.
        attribute: the name of an attribute of the enclosing element that holds the text; an
            attribute without the prefix and a child of that name are read as well.
        choices: the texts that a request may have here, if they are limited.
        known: the documented texts, if a service may have others; only the type is limited to them.
        ignored: elements of requests that are accepted without effect, each with the reason; other
            elements that are not among the children are refused.
        namespace: the namespace that the root element declares.
        type: the name of the generated TypedDict, for elements with children.
        doc: the meaning of the text.
    """

    tag: str
    children: "tuple[Shape, ...]" = ()
    many: bool = False
    always: bool = False
    optional: bool = False
    order: str = ""
    blank: bool = False
    number: bool = False
    kind: str = "str"
    encoded: bool = False
    attribute: str = ""
    choices: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()
    namespace: str = ""
    type: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of an operation.

    Attributes:
        name: the SDK's keyword.
        place: the parameter's place in the request.
        wire: the parameter's name in that place; for "xml", the child of the root ("" for the root
            itself).
        kind: the annotation in the typed methods.
        required: whether the call fails without the parameter; its presence helps to select the
            row.
        default: the value in the method's signature; parameters with a default may be positional.
        choices: the accepted values, if they are limited.
        known: the documented values, if a service may have others; only the type is limited to
            them.
        form: the form of the text, a name in `formats.FORMATS`.
        in_order: whether an optional parameter may be positional.
        doc: the meaning, in one sentence.
    """

    name: str
    place: Place
    wire: str = ""
    kind: str = "str"
    required: bool = False
    default: str | int | None = None
    choices: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    form: str = ""
    in_order: bool = False
    doc: str = ""

    @property
    def positional(self) -> bool:
        """True if the parameter may be positional, as in the vendor's samples."""
        return self.required or self.in_order or self.default is not None


# Rows are compared by identity, so that caches keyed by a row need not hash all of it.
@dataclass(frozen=True, eq=False)
class Operation:
    """One row of a table.

    Attributes:
        name: the operation's name; its SDK method is the same in snake_case.
        method: the HTTP method.
        params: the parameters in positional order.
        flag: the sub-resource that selects the row, such as `acl`.
        selectors: query names that the row needs besides its flag, if another row has the flag
            alone.
        body: the shape of the XML request body.
        result: the shape of the XML response body.
        text: the result key for a response body that is no XML.
        headers: the documented response headers, with their meaning.
        encoded_headers: the response headers that are percent-encoded.
        returns: the result of the SDK method: a dict, nothing, or a dict with a streamed Body.
        status: the statuses of success, the usual one first.
        permission: the permission that the operation needs; "OWNER" is in no ACL.
        on: the level on which the permission is checked.
        idempotent: whether to send the request twice has the same effect as to send it once.
        md5: whether the request has to carry Content-MD5.
        carries: the result key without which a response is no success.
        late: whether a 200 may carry an error document, so that the body decides.
        listing: whether the client requests percent-encoded keys and decodes them.
        aliases: result keys that repeat another, as (key, path of the original).
        page: the title of the vendor's page.
        doc: the effect, in one sentence.
    """

    name: str
    method: str
    params: tuple[Param, ...]
    flag: str = ""
    selectors: tuple[str, ...] = ()
    body: Shape | None = None
    result: Shape | None = None
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    encoded_headers: tuple[str, ...] = ()
    returns: Literal["dict", "none", "stream"] = "dict"
    status: tuple[int, ...] = (200,)
    permission: Permission = ""
    on: Level = "object"
    idempotent: bool = True
    md5: bool = False
    carries: str = ""
    late: bool = False
    listing: bool = False
    aliases: tuple[tuple[str, str], ...] = ()
    page: str = ""
    doc: str = ""

    @cached_property
    def level(self) -> Level:
        """The level of the address: the service, a bucket or an object."""
        places = {param.place for param in self.params}
        return "object" if "key" in places else "bucket" if "bucket" in places else "service"

    @cached_property
    def function(self) -> str:
        """The name in snake_case: the SDK method and the server's handler."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.name).lstrip("_")

    @cached_property
    def has_document(self) -> bool:
        """True if the request's body is a document, in XML or JSON, and not content."""
        return self.body is not None or any(param.place == "json" for param in self.params)

    @cached_property
    def query_markers(self) -> frozenset[str]:
        """The query names that select the row: its flag, or else its required parameters."""
        needed = {p.wire for p in self.params if p.place == "query" and p.required}
        return frozenset({self.flag, *self.selectors} if self.flag else needed)

    @cached_property
    def header_markers(self) -> frozenset[str]:
        """The header names that select the row, if it has no flag."""
        return (
            frozenset()
            if self.flag
            else frozenset(
                p.wire for p in self.params if p.required and p.place in ("header", "source")
            )
        )
