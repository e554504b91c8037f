"""The versions of the libraries that carry requests."""

import pycurl


def library_versions() -> dict[str, str]:
    """Return the versions of pycurl, libcurl and its TLS library."""
    found = pycurl.version_info()
    binding = pycurl.version.partition(" ")[0].partition("/")[2].strip('"')
    return {"pycurl": binding, "libcurl": str(found[1]), "TLS library": str(found[5])}
