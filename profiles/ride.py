"""Requests that share a round trip: what they send, packed one after the other, and their answers, each for itself."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command

WAIT = "WAIT"


class Passenger:
    """Commands of one request. A WAIT at their end is sent once for all who share the trip."""

    __slots__ = ("answers", "commands", "packed", "wait")

    def __init__(self, commands: Sequence[tuple[Any, ...]], answers: "asyncio.Future[list[Any]]") -> None:
        self.wait = commands[-1] if commands[-1][0] == WAIT else None
        sent = commands if self.wait is None else commands[:-1]
        self.commands = len(sent)
        self.packed = b"".join([pack_command(each) for each in sent])
        self.answers = answers


class Ride:
    """Those who go together, what they send, and how many answers are to come."""

    __slots__ = ("expected", "packed", "passengers", "repeated")

    def __init__(self, passengers: Sequence[Passenger]) -> None:
        self.passengers = passengers
        self.packed = [each.packed for each in passengers]
        self.expected = sum([each.commands for each in passengers])
        self.repeated = 0
        wait = next((each.wait for each in passengers if each.wait is not None), None)
        if wait is not None:
            self.packed.append(pack_command(wait))
            self.expected += 1

    def deliver(self, answers: list[Any]) -> None:
        at = 0
        for each in self.passengers:
            mine = answers[at : at + each.commands]
            at += each.commands
            if each.wait is not None:
                mine.append(answers[-1])
            if not each.answers.done():
                each.answers.set_result(mine)
