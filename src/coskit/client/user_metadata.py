"""The user metadata among the headers of an object."""

from collections.abc import Mapping

from coskit.protocol.messages import META_PREFIX

_PREFIXES = (META_PREFIX, "x-amz-meta-")


def metadata(head: Mapping[str, object]) -> dict[str, str]:
    """Return the user metadata of an object, by name without the prefix.

    The result may be passed as `Metadata` again.

    Args:
        head: what `head_object`, `get_object` or `download_file` returned, of either client and in
            either dialect, or headers that came by other means: case does not matter.

    Returns:
        The texts by their names in lower case, as names of headers are the same in any case.
    """
    found = {}
    for header, text in head.items():
        name = header.lower()
        if name.startswith(_PREFIXES) and len(name) > len(_PREFIXES[0]):
            found[name[len(_PREFIXES[0]) :]] = str(text)
    return found
