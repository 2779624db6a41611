"""A Redis Cluster, spoken to as one Redis: each command goes to the node that has its key.

Every script names keys of one shard, and so of one slot; all other commands have one key, but XREAD, which is cut into
one for each stream. Whoever waits for several streams asks again and again: no connection can wait for several slots.
SCAN goes through all nodes, WAIT to those that were written to. What a node refuses because the slot has moved it has
not done, so that it is sent again to the other.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Command = tuple[Any, ...]
Address = tuple[str, int]
SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
AWAY = (RedisConnectionError, RedisTimeoutError, OSError)
POLL_FIRST_S, POLL_LAST_S = 0.002, 0.05
MOST_MOVES = 5
"""How often one command may be sent on."""
WAIT = "WAIT"


def is_cluster(url: str) -> bool:
    return urlsplit(url).scheme in SCHEMES


class Cluster(Redis):
    """`redis+cluster://user:password@host:port,host:port`, of which some nodes will do. `open_node` makes the client of
    a node from its URL."""

    def __init__(self, url: str, open_node: Callable[[str], Redis]) -> None:
        parts = urlsplit(url)
        login, at, servers = parts.netloc.rpartition("@")
        self._scheme, self._login = SCHEMES[parts.scheme], login + at
        self._seeds = [_address(each) for each in servers.split(",")]
        self._open_node = open_node
        self._nodes: dict[Address, Redis] = {}
        self._slots: dict[int, Address] = {}
        super().__init__(connection_pool=self.node(self._seeds[0]).connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ARG002 (what redis-py tells itself)
        """One command by itself, such as the registry's."""
        if args[0] in ("SCRIPT LOAD", "PING"):
            return await self._everywhere(args)
        (answer,) = await self.run([args])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        for node in self._nodes.values():
            await node.aclose(close_connection_pool)

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in order, an error among them as a value. Where one of them is an XREAD that waits, all of them
        are asked until it finds something. Raises what redis-py raises while a node is away."""
        wait_ms = max((blocking(each) for each in commands), default=0)
        until, pause = time.monotonic() + wait_ms / 1000, POLL_FIRST_S
        while True:
            answers = await self._run(commands)
            found = [answer for each, answer in zip(commands, answers, strict=True) if blocking(each)]
            if not wait_ms or any(found) or time.monotonic() >= until:
                return answers
            await asyncio.sleep(pause)
            pause = min(POLL_LAST_S, pause * 2)

    async def _run(self, commands: Sequence[Command]) -> list[Any]:
        cut = [(at, part) for at, each in enumerate(commands) for part in parts(each)]
        found = await self._parts([part for _, part in cut])
        answers: list[list[Any]] = [[] for _ in commands]
        for (at, _), answer in zip(cut, found, strict=True):
            answers[at].append(answer)
        return [joined(each) for each in answers]

    async def _parts(self, commands: Sequence[Command]) -> list[Any]:
        answers: list[Any] = [None] * len(commands)
        waiting = list(range(len(commands)))
        for number in range(MOST_MOVES):
            if not self._slots or number:
                await self.learn()
            for at, answer in await self._once(commands, waiting):
                is_least = commands[at][0] == WAIT and answers[at] is not None
                answers[at] = min(answers[at], answer) if is_least else answer
            moved = [at for at in waiting if isinstance(answers[at], MovedError)]
            if not moved:
                break
            waiting = [at for at in waiting if at in moved or commands[at][0] == WAIT]
        return answers

    async def _once(self, commands: Sequence[Command], wanted: Iterable[int]) -> list[tuple[int, Any]]:
        by_node: dict[Address, list[int]] = {}
        for at in wanted:
            everywhere = commands[at][0] == WAIT and by_node
            for address in list(by_node) if everywhere else [self.address(commands[at])]:
                by_node.setdefault(address, []).append(at)

        async def one(address: Address, several: list[int]) -> list[tuple[int, Any]]:
            pipeline = self.node(address).pipeline(transaction=False)
            for at in several:
                pipeline.execute_command(*self._for_node(commands[at]))
            return list(zip(several, await pipeline.execute(raise_on_error=False), strict=True))

        try:
            found = await asyncio.gather(*(one(*each) for each in by_node.items()))
        except AWAY:
            self.forget()  # another node may have taken over
            raise
        return [self._as_asked(commands[at], at, answer) for several in found for at, answer in several]

    def address(self, command: Command) -> Address:
        """The node of its key; of one without a key, a node that is always the same."""
        key = key_of(command)
        if key is not None:
            return self._slots.get(key_slot(key), self._seeds[0])
        masters = self.masters()
        return masters[int(command[1]) % len(masters)] if command[0] == "SCAN" else masters[0]

    def masters(self) -> list[Address]:
        return sorted(set(self._slots.values())) or self._seeds[:1]

    def _for_node(self, command: Command) -> Command:
        """A cursor says on which node it goes on."""
        return (command[0], int(command[1]) // len(self.masters()), *command[2:]) if command[0] == "SCAN" else command

    def _as_asked(self, command: Command, at: int, answer: Any) -> tuple[int, Any]:
        if command[0] != "SCAN" or isinstance(answer, Exception):
            return at, answer
        many, cursor = len(self.masters()), int(answer[0])
        node = int(command[1]) % many
        following = cursor * many + node if cursor else (node + 1) % many
        return at, (following, answer[1])

    @property
    def is_known(self) -> bool:
        """Whether it is known which node has which slots."""
        return bool(self._slots)

    def forget(self) -> None:
        """It is asked again before the next command."""
        self._slots = {}

    async def learn(self) -> None:
        """Which node has which slots now. Raises what redis-py raises where no node can be asked."""
        failed: Exception | None = None
        for address in dict.fromkeys((*self.masters(), *self._seeds)):
            try:
                answer = await _asked(self.node(address), "CLUSTER", "SLOTS")
            except AWAY as cause:
                failed = cause
                continue
            self._slots = {
                slot: (bytes(host).decode() or address[0], int(port))
                for first, last, (host, port, *_), *_ in answer
                for slot in range(int(first), int(last) + 1)
            }
            if self._slots:
                return
            failed = ResponseError("no node of the cluster has any slots")
        raise cast("Exception", failed)

    async def _everywhere(self, command: Command) -> Any:
        await self.learn()
        first, *_ = [await _asked(self.node(address), *command) for address in self.masters()]
        return first

    def node(self, address: Address) -> Redis:
        if address not in self._nodes:
            host = f"[{address[0]}]" if ":" in address[0] else address[0]
            self._nodes[address] = self._open_node(f"{self._scheme}://{self._login}{host}:{address[1]}")
        return self._nodes[address]


def _address(server: str) -> Address:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)


async def _asked(node: Redis, *command: Any) -> Any:
    return await node.execute_command(*command)  # type: ignore[no-untyped-call]


def key_of(command: Command) -> bytes | None:
    """The key that decides about the node: all others of a command are in its slot."""
    name = command[0]
    match name:
        case "EVAL" | "EVALSHA":
            found = command[3] if int(command[2]) else None
        case "XREAD":
            found = command[command.index("STREAMS") + 1]
        case "MEMORY":
            found = command[2]
        case "INFO" | "TIME" | "SCAN" | "CONFIG GET" | "WAIT":
            found = None
        case _:
            found = command[1]
    return found.encode() if isinstance(found, str) else found


def parts(command: Command) -> list[Command]:
    """An XREAD of several streams as one of each, which do not wait."""
    if command[0] != "XREAD":
        return [command]
    at = command.index("STREAMS")
    options, where = list(command[1:at]), command[at + 1 :]
    if "BLOCK" in options:
        del options[options.index("BLOCK") : options.index("BLOCK") + 2]
    streams = zip(where[: len(where) // 2], where[len(where) // 2 :], strict=True)
    return [("XREAD", *options, "STREAMS", stream, after) for stream, after in streams]


def blocking(command: Command) -> int:
    """How many ms an XREAD waits."""
    return int(command[command.index("BLOCK") + 1]) if command[0] == "XREAD" and "BLOCK" in command else 0


def joined(answers: list[Any]) -> Any:
    """Of the parts of one command; an error of one is that of all."""
    if len(answers) == 1:
        return answers[0]
    failed = next((each for each in answers if isinstance(each, Exception)), None)
    return failed or [pair for each in answers if each for pair in dict(each).items()]
