"""The vocabulary of the operation table: Param, Shape, Operation."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

# The texts of an element or a parameter that is on or off; in any case.
TRUTHS = ("true", "false")

# Where a parameter travels. "local" ones steer the client and never leave it.
Place = Literal[
    "bucket", "key", "query", "header", "metadata", "source", "xml", "json", "body", "local"
]
Level = Literal["service", "bucket", "object"]
Permission = Literal["", "READ", "WRITE", "READ_ACP", "WRITE_ACP", "OWNER"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One XML element and what its dict looks like.

    Attributes:
        tag: the element's name, and its key in the dict.
        children: the elements inside; none means text.
        many: the element repeats and its value is a list, also for one item.
        always: a `many` element without items gives an empty list instead of no key.
        optional: the key may be absent.
        order: of a `many` element that mixes with others: the key, the same for all of them, of a
            list that names the tag of each in document order.
        blank: an empty element gives `None` and `None` gives an empty element.
        number: text that is an integer in the dict.
        kind: the annotation of a text, where callers may pass another type as well.
        encoded: percent-encoded while `encoding-type=url` is in force.
        attribute: an attribute of the enclosing element; one without the prefix and a child of that
            name are read as well.
        choices: the texts that a request may have here, if they are few.
        known: the documented texts, where a service may have others: they are in the type only.
        ignored: elements of requests that are let through and do nothing, each with the reason;
            all others that are not among the children are refused.
        namespace: the namespace that the root element declares.
        type: name of the generated TypedDict, for elements with children.
        doc: what the text means.
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
    """One parameter of an operation.

    Attributes:
        name: the SDK's keyword.
        place: where it travels.
        wire: its name there; for "xml", the child of the root it fills ("" for the root itself).
        kind: its annotation in the typed methods.
        required: the call fails without it, and its presence helps to select the row.
        default: the value in the method's signature; parameters with one may be positional.
        choices: the values that are accepted, if they are few.
        known: the documented values, where a service may have others: they are in the type only.
        form: what its text has to look like, a name in `formats.FORMATS`.
        in_order: optional, but callers may pass it by position.
        doc: what it means, in one sentence.
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
        """Whether callers may pass it by position, as the vendor's samples do."""
        return self.required or self.in_order or self.default is not None


# Rows are compared by identity: what is compiled from one is found again without hashing all of it.
@dataclass(frozen=True, eq=False)
class Operation:
    """One row of a table.

    Attributes:
        name: the operation's name; its SDK method is the same in snake_case.
        method: the HTTP method.
        params: in positional order.
        flag: the sub-resource that selects the row, such as `acl`.
        selectors: query names that the row needs beside its flag, where the flag alone is another.
        body: the shape of the XML request body.
        result: the shape of the XML response body.
        text: the result key that holds a response body which is no XML.
        headers: response headers that the result documents, with their meaning.
        encoded_headers: those of them that are percent-encoded on the wire.
        returns: what the SDK method gives back: a dict, nothing, or a dict with a streamed Body.
        status: the statuses that mean success, the usual one first.
        permission: what the caller needs on the bucket or object; "OWNER" is in no ACL.
        on: what the permission is checked on.
        idempotent: sending it twice does what sending it once does.
        md5: the request has to carry Content-MD5.
        carries: the key of its result without which an answer is no success.
        late: a 200 may still carry an error document, so the body decides.
        listing: the client asks for percent-encoded keys and decodes them.
        aliases: result keys that repeat another, as (key, path of the original).
        page: the vendor page that documents it.
        doc: what it does, in one sentence.
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
        """What the address names: the service, a bucket or an object."""
        places = {param.place for param in self.params}
        return "object" if "key" in places else "bucket" if "bucket" in places else "service"

    @cached_property
    def function(self) -> str:
        """The name in snake_case: the SDK method and the server's handler."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.name).lstrip("_")

    @cached_property
    def has_document(self) -> bool:
        """Whether its request brings a document, in XML or JSON, rather than content."""
        return self.body is not None or any(param.place == "json" for param in self.params)

    @cached_property
    def query_markers(self) -> frozenset[str]:
        """Query names that a request must have to be this operation: its flag, else its needs."""
        needed = {p.wire for p in self.params if p.place == "query" and p.required}
        return frozenset({self.flag, *self.selectors} if self.flag else needed)

    @cached_property
    def header_markers(self) -> frozenset[str]:
        """Header names that a request must have to be this operation, if it has no flag."""
        return (
            frozenset()
            if self.flag
            else frozenset(
                p.wire for p in self.params if p.required and p.place in ("header", "source")
            )
        )
