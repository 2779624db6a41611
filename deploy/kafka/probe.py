"""Asks a broker which brokers are alive: one Metadata request (version 0) over a plain socket.

Standard library only, so that whoever waits for a broker needs no client and no event loop.
"""

import socket
import struct

METADATA, VERSION, CORRELATION = 3, 0, 1
NO_CLIENT_ID, NO_TOPICS = -1, 0
TIMEOUT_S = 2.0


def living_brokers(port: int) -> frozenset[int]:
    """The node ids that the broker on this port knows to be alive; none while it does not answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.sendall(_framed(struct.pack(">hhihi", METADATA, VERSION, CORRELATION, NO_CLIENT_ID, NO_TOPICS)))
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            return _brokers(_exactly(connection, size))
    except (OSError, EOFError):
        return frozenset()


def _brokers(answer: bytes) -> frozenset[int]:
    """Of `correlation, [node id, host, port], [topic…]`."""
    (count,) = struct.unpack_from(">i", answer, 4)
    at, found = 8, []
    for _ in range(count):
        node, host = struct.unpack_from(">ih", answer, at)
        found.append(node)
        at += 4 + 2 + host + 4
    return frozenset(found)


def _framed(request: bytes) -> bytes:
    return struct.pack(">i", len(request)) + request


def _exactly(connection: socket.socket, size: int) -> bytes:
    """Raises EOFError if the broker hangs up before."""
    answer = b""
    while len(answer) < size:
        more = connection.recv(size - len(answer))
        if not more:
            raise EOFError
        answer += more
    return answer
