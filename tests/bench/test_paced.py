"""Requests at a fixed rate: what a stall costs those who were due meanwhile is counted."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.load.paced import Paced

HEAD = "POST / HTTP/1.1\r\nHost: here\r\n"
ASKED = ['{"customer":"c%07d","id":"%d"}']
ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nok"


class Server(threading.Thread):
    """Answers one connection, whose first request waits."""

    def __init__(self, first_takes_s: float, status: bytes = b"200 OK") -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._first_takes_s, self._answer = first_takes_s, ANSWER % status
        self.bodies: list[bytes] = []

    def run(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            while request := connection.recv(65_536):
                if not self.bodies:
                    time.sleep(self._first_takes_s)
                self.bodies.append(request.partition(b"\r\n\r\n")[2])
                connection.sendall(self._answer)

    def close(self) -> None:
        self.join(10.0)
        self._listening.close()


@pytest.fixture
def slow() -> Iterator[Server]:
    server = Server(first_takes_s=0.3)
    server.start()
    yield server
    server.close()


def test_who_was_due_during_a_stall_has_waited(slow: Server) -> None:
    latencies = Paced("127.0.0.1", slow.port, HEAD, ASKED, first=5, customers=100).run(20, 1.0, connections=1)
    took = [each for each in latencies if each is not None]
    assert len(took) == 20
    assert all(took[number] > 0.3 - number / 20 - 0.01 for number in range(6)), took  # due 50 ms apart
    assert slow.bodies[0] == b'{"customer":"c0000095","id":"5"}'
    assert len(set(slow.bodies)) == 20


def test_what_is_not_200_is_told_apart() -> None:
    server = Server(0.0, b"503 Away")
    server.start()
    assert Paced("127.0.0.1", server.port, HEAD, ASKED, 0, 100).run(100, 0.05, connections=1) == [None] * 5
    server.close()
