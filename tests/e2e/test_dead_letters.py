"""Dead letters on the real processes: a type that the policy lacked, and what was sent of it before."""

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import orjson
import redis
import yaml

from profiles.shards import shard_of
from tests.e2e.service import Service, eventually

PEOPLE = [f"customer:c{n}" for n in range(20)]
EACH = 10


def store(tmp_path: Path) -> Any:
    url = (tmp_path / "var" / "redis.url").read_text().strip()
    return redis.Redis(unix_socket_path=url.removeprefix("unix://"))


def produce(client: Any, number: int, subject: str) -> None:
    """As a backend does that writes to the log itself, without asking the API."""
    body = {
        "specversion": "1.0",
        "id": f"refund-{number}",
        "source": "till",
        "type": "refund",
        "subject": subject.removeprefix("customer:"),
        "channel": "web",
        "time": "2026-03-10T12:00:00Z",
        "data": {"amount": 2.0},
    }
    shard = shard_of(subject, int(client.hget("opportune:store", "shards")))
    fields = {"topic": "interactions", "id": f"till#refund-{number}", "subject": subject, "schema": "1"}
    client.xadd(f"{{s{shard:04d}}}out", {**fields, "body": orjson.dumps(body)})


def listed(service: Service, *words: str) -> Any:
    return orjson.loads(service.run("dead-letters", "list", "--json", *words).stdout)


def refunds(service: Service) -> list[tuple[float, int]]:
    found = [service.get(f"/v1/customers/{who.removeprefix('customer:')}")["features"] for who in PEOPLE]
    return [(each.get("refunds", 0), each.get("refunded", 0)) for each in found]


def with_refunds(folder: Path) -> None:
    file = folder / "policy.yaml"
    policy = yaml.safe_load(file.read_text())
    policy["interactions"]["refund"] = {"channel": "web", "fields": {"amount": "double!"}}
    policy["features"]["refunds"] = {"count": "refund"}
    policy["features"]["refunded"] = {"sum": "event.amount", "of": "refund"}
    file.write_text(yaml.safe_dump(policy, sort_keys=False))


def metric(service: Service, name: str) -> float:
    (address,) = [orjson.loads(line)["metrics"] for line in service.log().splitlines() if '"worker started"' in line][
        -1:
    ]
    lines = httpx.get(address).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"opportune_{name}"))


def test_what_a_policy_did_not_know_is_folded_once_it_does(service: Service, shop_folder: Path, tmp_path: Path) -> None:
    service.publish(shop_folder)
    client = store(tmp_path)
    for number in range(EACH):
        for who in PEOPLE:
            produce(client, number, who)
    total = EACH * len(PEOPLE)
    eventually("all are dead", lambda: listed(service)["counts"] == {"ill_typed": total})
    one = listed(service, "--limit", "1")["letters"][0]
    assert "refund" in one["error"]
    shown = service.run("dead-letters", "show", one["id"]).stdout
    assert '"type":"refund"' in shown
    eventually("the metrics say so", lambda: metric(service, "worker_dead_letters_waiting") == total)

    before = service.get("/readyz")["policy"]
    with_refunds(shop_folder)
    service.run("publish", str(shop_folder))
    eventually("it is live", lambda: service.get("/readyz")["policy"] != before)

    assert service.run("dead-letters", "retry", one["id"]).stdout == "1 record put back into the log\n"
    rounds = 0
    while listed(service)["counts"]:  # a worker may not have the policy yet, and then they die again
        service.run("dead-letters", "retry", "--all")
        if rounds == 0:
            for pid in service.children("app worker"):
                os.kill(pid, signal.SIGKILL)
        rounds += 1
        assert rounds < 10
    assert service.run("dead-letters", "retry", "--all").stdout == "0 records put back into the log\n"
    expected = [(EACH, 2 * EACH)] * len(PEOPLE)
    eventually("each is folded once", lambda: refunds(service) == expected)
    assert listed(service) == {"letters": [], "counts": {}, "more": False}
    assert service.get("/v1/scorecard")["totals"]["interactions"] == total
