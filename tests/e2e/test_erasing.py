"""Erasing and rebuilding on the real processes, some of which are killed in the middle."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import orjson
import redis

from tests.e2e.service import ROOT, Service, eventually
from tests.e2e.test_loop import HERO, deliver, event, purchases

CROWD = 600


def store(service: Service, tmp_path: Path) -> Any:
    url = (tmp_path / "var" / "redis.url").read_text().strip()
    return redis.Redis(unix_socket_path=url.removeprefix("unix://"))


def traces(client: Any, name: str) -> list[str]:
    """Where the name stands; nonces and hashes do not count, though "ada" is good hexadecimal."""
    readers: dict[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    everything = [(key, readers[client.type(key)](key)) for key in client.keys("*")]
    return [str(each)[:300] for each in everything if name in re.sub("[0-9a-f]{16,}", "", str(each))]


def test_erased_over_http(service: Service, shop_folder: Path, tmp_path: Path) -> None:
    service.publish(shop_folder)
    service.post("/v1/interactions", [event(1, amount=60.0, customer="ada"), event(2, amount=1.0, customer="bob")])
    asked = {"id": "page-1", "customer": "ada", "channel": "web", "placements": HERO}
    decision = service.post("/v1/decisions", asked)
    code = decision["treatments"][0]["code"]
    service.post("/v1/responses", {"code": code, "outcome": "accepted", "amount": 5})
    eventually("it is folded", lambda: purchases(service) == 1)

    answer = service.call("DELETE", "/v1/customers/ada")
    receipt = answer.json()
    assert (answer.status_code, receipt["state"]) == (200, "done"), answer.text
    assert receipt["removed"]["customers"] == receipt["removed"]["decisions"] == receipt["removed"]["codes"] == 1
    assert service.get(f"/v1/erasures/{receipt['receipt']}") == receipt
    assert traces(store(service, tmp_path), "ada") == []
    assert service.call("GET", "/v1/customers/ada").status_code == 404
    assert service.call("GET", f"/v1/decisions/{decision['decision']}").status_code == 404
    refused = service.call("POST", "/v1/responses", json={"code": code, "outcome": "declined"})
    assert refused.json()["type"] == "/problems/unknown-code"
    assert service.get("/v1/scorecard")["totals"]["amount"] == 5

    assert "state" in service.call("DELETE", "/v1/customers/ada").json(), "repeating is harmless"
    assert service.post("/v1/decisions", asked)["decision"] == decision["decision"], "the caller's id is free again"
    service.post("/v1/interactions", event(1, amount=3.0, customer="ada"))
    eventually("a new life has begun", lambda: purchases(service) == 1)
    assert service.get("/v1/customers/ada")["features"]["spend"] == 3
    assert "done" in service.run("erase", "--customer", "bob").stdout
    assert traces(store(service, tmp_path), "bob") == []
    assert service.call("GET", "/v1/erasures/nothing").status_code == 404
    assert service.call("DELETE", "/v1/visitors/" + "v" * 201).status_code == 422


def test_a_person_with_several_names_goes_whole(service: Service, shop_folder: Path, tmp_path: Path) -> None:
    service.publish(shop_folder)
    asked = {"channel": "web", "placements": HERO}
    for names in (
        {"visitor": "v-cookie"},
        {"customer": "ada", "visitor": "v-cookie"},
        {"customer": "bob", "visitor": "v-cookie"},
    ):
        service.post("/v1/decisions", {**asked, **names})
    client = store(service, tmp_path)

    def claimed() -> bool:
        return any(
            b"customer:bob" in (client.hget(key, "identity") or b"") for key in client.keys("*p:visitor:v-cookie")
        )

    eventually("bob has claimed her cookie", claimed)
    receipt = service.call("DELETE", "/v1/visitors/v-cookie").json()["receipt"]
    found = eventually("all are through", lambda: _done(service.get(f"/v1/erasures/{receipt}")))
    assert found["removed"]["customers"] == 2
    assert len(found["told"]) >= 3
    left = [each for each in traces(client, "ada") if "transit" not in each]
    assert left == [], "but for what was on its way, which goes after ten minutes"
    left = [each for each in traces(client, "v-cookie") if "transit" not in each]
    assert all("out'" in each and '"subject":"bob"' in each for each in left), "bob's own interaction names it"


def _done(receipt: dict[str, Any]) -> dict[str, Any] | None:
    return receipt if receipt["state"] == "done" else None


def test_workers_that_are_killed_leave_no_trace(service: Service, shop_folder: Path, tmp_path: Path) -> None:
    service.publish(shop_folder)
    people = [f"zoe{n}" for n in range(24)]
    for who in people:
        deliver(service, event(1, amount=1.0, customer=who))
        service.post("/v1/decisions", {"customer": who, "channel": "web", "placements": HERO})
    receipts = []
    for number, who in enumerate(people):
        if number % 6 == 0:
            for pid in service.children("app worker"):
                os.kill(pid, signal.SIGKILL)
        receipts.append(service.call("DELETE", f"/v1/customers/{who}").json()["receipt"])

    def done() -> bool:
        return all(service.get(f"/v1/erasures/{each}")["state"] == "done" for each in receipts)

    eventually("every erasure is done", done)
    assert traces(store(service, tmp_path), "zoe") == []
    assert service.get("/v1/scorecard")["totals"]["interactions"] == len(people)


def test_a_rebuild_that_is_killed_in_the_middle_damages_nothing(
    service: Service, shop_folder: Path, tmp_path: Path
) -> None:
    service.publish(shop_folder)
    people = [f"c{n}" for n in range(CROWD)]
    for start in range(0, CROWD, 200):
        service.post("/v1/interactions", [event(1, amount=2.0, customer=who) for who in people[start : start + 200]])
    eventually("all are folded", lambda: service.get("/v1/scorecard")["totals"]["interactions"] == CROWD)
    client = store(service, tmp_path)
    found = {key: orjson.loads(client.hget(key, "profile")) for key in client.keys("{s*}p:*")}
    for key, profile in found.items():
        features = {name: 9 if value == 2 else value for name, value in profile["features"].items()}
        client.hset(key, "profile", orjson.dumps({**profile, "features": features}))

    def mended() -> int:
        return sum(orjson.loads(client.hget(key, "profile")) == right for key, right in found.items())

    assert mended() == 0
    command = service.command("rebuild", "--swap")
    rebuild = subprocess.Popen(command, cwd=ROOT, env=service.environ, stderr=subprocess.DEVNULL)
    eventually("it is in the middle", mended)
    rebuild.kill()
    rebuild.wait()
    middle = mended()
    assert 0 < middle < CROWD, middle
    assert len(client.keys("{s*}p:*")) == CROWD
    for who in people[:40]:
        service.post("/v1/interactions", event(2, amount=1.0, customer=who))
    eventually("the workers have the shards again", lambda: purchases(service, people[0]) == 2)

    def again() -> subprocess.CompletedProcess[str] | None:
        done = subprocess.run(
            service.command("rebuild", "--swap", "--json"),
            cwd=ROOT,
            env=service.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return None if "another rebuild" in done.stderr else done

    done = eventually("the lock has run out", again)
    assert done.returncode == 0, done.stderr
    assert orjson.loads(done.stdout)["differing"] == CROWD - middle
    assert client.keys("{s*}r:*") == []
    assert {service.get(f"/v1/customers/{who}")["features"]["spend"] for who in people[:40]} == {3}
    assert mended() >= CROWD - 40
    assert "0 differ" in service.run("rebuild", "--compare").stdout
