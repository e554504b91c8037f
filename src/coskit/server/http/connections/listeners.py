"""Listening sockets: one for a server, or one for each of its workers."""

import socket
import sys

_BACKLOG = 2048  # connections that may wait to be accepted


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 takes a free one.

    Raises:
        OSError: the address is in use, or is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def share_address(listener: socket.socket, count: int) -> list[socket.socket]:
    """Return a listening socket for each of several workers, the given one among them.

    Workers at one socket would not share the work: the first one to wake up accepts all waiting
    connections. Linux distributes connections over several sockets of one address. The given
    socket was bound without SO_REUSEPORT, so no other server has the address.
    """
    if sys.platform != "linux":
        return [listener] * count
    sockets = [listener]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for _ in range(count - 1):
        further = socket.socket(listener.family, socket.SOCK_STREAM)
        sockets.append(further)
        further.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        further.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        further.bind(listener.getsockname())
        further.listen(_BACKLOG)
    return sockets
