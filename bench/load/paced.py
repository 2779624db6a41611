"""Requests at a fixed rate, whatever becomes of them: a process of its own.

    python -m bench.load.paced HOST PORT PATH KEY REQUESTS FIRST CUSTOMERS RATE SECONDS CONNECTIONS

Each request is due at its time, one after another at even distances. It is sent then, or as soon as one of the
connections is free, and its latency counts from when it was due: there is no coordinated omission. Prints a line when
it begins, and one of JSON: `latencies_ms` in the order in which requests were due (null: it was not answered with 200),
`late_ms`, by how much this process itself was late, at p99, where a connection was free, and `start_s`, when the first
was due by the machine's clock that never goes back.

Neither asyncio nor uvloop: their timers know milliseconds only, as epoll does; `select` waits for microseconds.
"""

import gc
import re
import select
import socket
import sys
import time
from pathlib import Path

import orjson

from bench.load.requests import filled, read

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
SETTLE_S = 0.1
GIVE_UP_S = 30.0
IDLE_S = 2.0
"""uvicorn closes a connection that was idle for five seconds."""


class Connection:
    """One request at a time. Opened when it is first needed, and again when it was idle for so long that the server may
    have closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._where = host, port
        self._socket: socket.socket | None = None
        self._used_s = 0.0
        self.number = -1
        self._got = b""

    def fileno(self) -> int:
        assert self._socket is not None, "nothing was sent"
        return self._socket.fileno()

    def send(self, number: int, request: bytes) -> None:
        self.number, self._got = number, b""
        self._open().sendall(request)

    def _open(self) -> socket.socket:
        now = time.perf_counter()
        if self._socket is None or now > self._used_s + IDLE_S:
            self.close()
            self._socket = socket.create_connection(self._where)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_s = now
        return self._socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def received(self) -> bool:
        """Whether the answer is complete. Raises ConnectionError."""
        assert self._socket is not None, "nothing was sent"
        part = self._socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server has closed a connection")
        self._got += part
        head, found, body = self._got.partition(b"\r\n\r\n")
        length = LENGTH.search(head) if found else None
        return length is not None and len(body) >= int(length[1])

    @property
    def is_ok(self) -> bool:
        return self._got.startswith(b"HTTP/1.1 200 ")


class Paced:
    def __init__(self, host: str, port: int, head: str, asked: list[str], first: int, customers: int) -> None:
        self._where = host, port
        self._head = head
        self._asked, self._first, self._customers = asked, first, customers
        self.late_s: list[float] = []
        self.start_s = 0.0

    def _request(self, number: int) -> bytes:
        body = filled(self._asked, self._first + number, self._customers)
        return f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def run(self, rate: float, seconds: float, connections: int) -> list[float | None]:
        """Latencies in seconds."""
        total, sent, done, clock = int(rate * seconds), 0, 0, time.perf_counter
        latencies: list[float | None] = [None] * total
        free = [Connection(*self._where) for _ in range(connections)]
        busy: list[Connection] = []
        waited = False
        start = self.start_s = clock() + SETTLE_S
        while done < total:
            while sent < total and free and start + sent / rate <= clock():
                connection = free.pop()
                if not waited:
                    self.late_s.append(clock() - start - sent / rate)
                connection.send(sent, self._request(sent))
                busy.append(connection)
                sent += 1
            waited = not free
            left = start + sent / rate - clock() if sent < total and free else GIVE_UP_S
            ready, _, _ = select.select(busy, [], [], max(left, 0.0))
            if not ready and left == GIVE_UP_S:
                raise TimeoutError(f"{len(busy)} requests are not answered after {GIVE_UP_S} s")
            for connection in ready:
                if connection.received():
                    due = start + connection.number / rate
                    latencies[connection.number] = clock() - due if connection.is_ok else None
                    busy.remove(connection)
                    free.append(connection)
                    done += 1
        for connection in free:
            connection.close()
        return latencies


def main(host: str, port: str, path: str, key: str, requests: str, *numbers: str) -> None:
    first, customers, rate, seconds, connections = (float(each) for each in numbers)
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    paced = Paced(host, int(port), head, read(Path(requests)), int(first), int(customers))
    gc.disable()
    sys.stdout.write("asking\n")
    sys.stdout.flush()
    latencies = paced.run(rate, seconds, int(connections))
    late_s = sorted(paced.late_s)
    found = {
        "latencies_ms": [None if each is None else round(each * 1000, 3) for each in latencies],
        "late_ms": late_s[int(len(late_s) * 0.99)] * 1000,
        "start_s": paced.start_s,
    }
    sys.stdout.write(orjson.dumps(found).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
