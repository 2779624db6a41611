"""The demo, with the real processes: scorecard, decision records and ledgers agree to the unit.

2,000 calls, evenly spread over the file so that every kind of client is among them; `DEMO_CALLS=41188` takes the
whole file, which `make demo` replays too.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from examples.bank_contact_centre.agreement import disagreements, figures, settled_scorecard
from examples.bank_contact_centre.calls import CALLS, Call, read_calls
from examples.bank_contact_centre.client import Connection
from examples.bank_contact_centre.replay import Tally, replay
from examples.bank_contact_centre.report import things_to_try
from examples.bank_contact_centre.service import ROOT, Service, running_service
from rules.reasons import Reason

pytestmark = pytest.mark.anyio

REPLAYED = int(os.environ.get("DEMO_CALLS", "2000"))
DEMO_WITHIN_S = 300.0
LOOKS, LOOK_EVERY_S = 300, 0.1
SEEN_IN_THE_FILE = {
    Reason.NOT_LIVE,
    Reason.NO_TREATMENT,
    Reason.NOT_ELIGIBLE,
    Reason.NOT_APPLICABLE,
    Reason.NOT_SUITABLE,
    Reason.CONTACT_REQUIREMENT,
    Reason.HELD_OUT,
    Reason.OTHER_CELL,
    Reason.OUTRANKED,
}
Place = tuple[str, str, str, str]


@dataclass(slots=True)
class Witness(Tally):
    """Keeps every answer too, to compare it with what the service says later."""

    decisions: dict[int, dict[str, Any]] = field(default_factory=dict)

    def decided(self, call: Call, decision: dict[str, Any]) -> None:
        Tally.decided(self, call, decision)
        self.decisions[call.number] = decision


@dataclass(frozen=True, slots=True)
class Run:
    service: Service
    calls: dict[int, Call]
    seen: Witness
    card: dict[str, Any]
    records: dict[int, dict[str, Any]]
    """GET /v1/decisions/{id} of every call."""
    customers: dict[int, dict[str, Any]]
    """GET /v1/customers/{id} of every call."""

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What was made, and under `withheld` what a holdout kept back."""
        return [entry for view in self.customers.values() for entry in view["ledger"]["entries"]]


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    calls = {call.number: call for call in read_calls() if call.number * REPLAYED % CALLS < REPLAYED}
    seen = Witness()
    async with running_service(tmp_path_factory.mktemp("run") / "demo", free_port_only()) as service:
        await replay(calls.values(), service.connect, seen)
        async with service.connect() as connection:
            card = await settled_scorecard(connection, seen)
        ids = {number: decision["decision"] for number, decision in seen.decisions.items()}
        records = await fetched(service, {number: f"/v1/decisions/{name}" for number, name in ids.items()})
        views = {number: f"/v1/customers/{call.customer}" for number, call in calls.items()}
        yield Run(service, calls, seen, card, records, await fetched(service, views))


def free_port_only() -> int:
    """Never 8080: a person may have a demo running while the tests run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def fetched(service: Service, paths: dict[int, str]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    waiting = iter(paths.items())

    async def reader(connection: Connection) -> None:
        for number, path in waiting:
            found[number] = await connection.get(path)

    async with AsyncExitStack() as open_ones:
        connections = [await open_ones.enter_async_context(service.connect()) for _ in range(16)]
        await asyncio.gather(*(reader(each) for each in connections))
    return found


def places(items: Iterable[dict[str, Any]]) -> Counter[Place]:
    return Counter((each["campaign"], each["program"], each["cell"], each["offer"]) for each in items)


def column(card: dict[str, Any], name: str) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for row in card["rows"]:
        place = (row["campaign"], row["program"], row["cell"], row["offer"])
        found[place] += row["outcomes"].get(name, 0) if name in ("accepted", "declined") else row[name]
    return +found


async def test_the_scorecard_agrees_with_the_desks(run: Run) -> None:
    assert disagreements(run.card["totals"], run.seen) == []
    told = figures(run.card["totals"])
    assert told["interactions"] == told["decisions"] == len(run.calls) == REPLAYED
    assert told["presented"] == told["accepted"] + told["declined"]
    assert told["accepted"] <= sum(call.says_yes for call in run.calls.values())
    assert told["presented"] + told["withheld"] <= told["decisions"]


async def test_decision_records_agree_with_the_scorecard(run: Run) -> None:
    records = run.records.values()
    assert places(each for record in records for each in record["treatments"]) == column(run.card, "decided")
    assert places(each for record in records for each in record["withheld"]) == column(run.card, "withheld")


def made(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in entries if not each.get("withheld")]


async def test_ledgers_agree_with_the_scorecard(run: Run) -> None:
    assert places(made(run.entries)) == column(run.card, "decided")
    assert places(e for e in run.entries if e.get("withheld")) == column(run.card, "withheld")
    assert places(e for e in run.entries if "presented" in e["outcomes"]) == column(run.card, "presented")
    for outcome in ("accepted", "declined"):
        assert places(e for e in run.entries if outcome in e["outcomes"]) == column(run.card, outcome)


async def test_a_record_is_the_answer_that_was_given_and_accounts_for_every_candidate(run: Run) -> None:
    for number, given in run.seen.decisions.items():
        record = run.records[number]
        assert {name: record[name] for name in given} == given
        assert record["candidates"] == len(record["treatments"]) + len(record["left_out"])
        assert record["policy"] == run.service.revision


async def test_each_client_has_the_one_call_the_one_proposal_and_its_real_answer(run: Run) -> None:
    for number, call in run.calls.items():
        view = run.customers[number]
        assert view["features"]["calls_30d"] == 1
        assert [each["type"] for each in view["recent"]] == ["call_started"]
        assert view["attributes"]["age"] == call.data["age"]
        treatments = run.records[number]["treatments"]
        entries = made(view["ledger"]["entries"])
        assert [entry["offer"] for entry in entries] == [each["offer"] for each in treatments]
        for entry in entries:
            assert set(entry["outcomes"]) == {"presented", call.answer}


async def test_a_holdout_gets_nothing_and_keeps_near_its_share(run: Run) -> None:
    for record in run.records.values():
        assert not (record["withheld"] and record["treatments"])
    outreach = next(each for each in run.card["comparisons"] if each["program"] == "outreach")
    # 10 % of some 1,750: five standard deviations
    assert 0.10 - 0.04 < outreach["held_out_share"] < 0.10 + 0.04


async def test_every_edition_is_proposed_and_every_kind_of_refusal_is_seen(run: Run) -> None:
    proposed = {each["offer"] for record in run.records.values() for each in record["treatments"]}
    assert proposed == {"classic-deposit", "bonus-deposit", "income-deposit", "flexible-deposit"}
    reasons = {each["reason"] for record in run.records.values() for each in record["left_out"]}
    assert reasons == {reason.value for reason in SEEN_IN_THE_FILE}


async def test_no_proposal_goes_against_the_history_of_the_client(run: Run) -> None:
    for number, record in run.records.items():
        data = run.calls[number].data
        if record["treatments"]:
            assert data["contacts_this_campaign"] <= 5
            assert data.get("days_since_last_campaign", 3) >= 3
            assert data["age"] >= 18
            assert not data.get("in_default", False)


async def test_what_was_declined_is_not_proposed_again(run: Run) -> None:
    number = max(
        n for n, view in run.customers.items() for e in view["ledger"]["entries"] if "declined" in e["outcomes"]
    )
    (entry,) = run.customers[number]["ledger"]["entries"]
    async with run.service.connect() as connection:
        call = run.calls[number].request
        again = await connection.post("/v1/decisions", call | {"interaction": None})
        assert again["treatments"] == []  # nothing happened, so that no rule proposes anything
        call["interaction"]["id"] += "-again"
        again = await connection.post("/v1/decisions", call)
    reasons = {(each["program"], each["offer"]): each["reason"] for each in again["left_out"]}
    assert reasons[entry["program"], entry["offer"]] == Reason.COOL_DOWN


async def test_one_call_asked_about_a_hundred_times_at_once_does_not_exceed_the_caps(run: Run) -> None:
    """Two proposals a week, also if nobody has answered yet. The call itself counts once."""
    event = {"id": "rush", "source": "desktop/01", "type": "call_started"}
    event_data = {"age": 41, "contacts_this_campaign": 1}
    body = {"customer": "rush", "channel": "call", "placements": [{"placement": "agent"}]}

    async def ask() -> dict[str, Any]:
        async with run.service.connect() as connection:
            question = body | {"interaction": event | {"data": event_data}}
            answer: dict[str, Any] = await connection.post("/v1/decisions", question)
            return answer

    answers = await asyncio.gather(*(ask() for _ in range(100)))
    assert sum(len(answer["treatments"]) for answer in answers) == 2
    refused = Counter(each["reason"] for answer in answers for each in answer["left_out"])
    assert refused[Reason.CAP_REACHED] >= 98
    view = await folded(run.service, "rush")
    assert len(view["ledger"]["entries"]) == 2
    assert view["features"]["calls_30d"] == 1


async def folded(service: Service, customer: str) -> dict[str, Any]:
    """The customer, once the worker has folded the call in: the API commits the ledger alone."""
    async with service.connect() as connection:
        for _ in range(LOOKS):
            view: dict[str, Any] = await connection.get(f"/v1/customers/{customer}")
            if view["features"].get("calls_30d"):
                return view
            await asyncio.sleep(LOOK_EVERY_S)
    raise AssertionError(f"{customer} is not folded after {LOOKS * LOOK_EVERY_S:g} s: {view}")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_the_commands_that_the_demo_prints_work(run: Run) -> None:
    known = run.seen.last_declined
    assert known is not None
    for _, command in things_to_try(run.service, known):
        shell = await asyncio.create_subprocess_shell(f"{command} --fail-with-body", stdout=subprocess.PIPE)
        printed, _ = await shell.communicate()
        assert shell.returncode == 0, printed
        assert orjson.loads(printed)


def test_once_ends_with_one_line_of_json(tmp_path: Path) -> None:
    words = ["--once", "--calls", "300", "--var", str(tmp_path / "demo"), "--port", str(free_port_only())]
    ended = subprocess.run(
        [sys.executable, "-m", "examples.bank_contact_centre", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEMO_WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    last = orjson.loads(ended.stdout.splitlines()[-1])
    names = ["interactions", "decisions", "presented", "accepted", "declined", "withheld", "seconds"]
    assert list(last) == names
    assert last["interactions"] == last["decisions"] == 300
    assert last["presented"] == last["accepted"] + last["declined"] > 0
    assert last["withheld"] > 0
    assert last["seconds"] > 0


async def test_ctrl_c_stops_the_service_in_order(tmp_path: Path) -> None:
    port = free_port_only()
    words = ["--calls", "10", "--var", str(tmp_path / "demo"), "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.bank_contact_centre", *words), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEMO_WITHIN_S):
            while b"Serving until" not in (line := await process.stdout.readline()):
                assert line, "the demo ended before it served"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
