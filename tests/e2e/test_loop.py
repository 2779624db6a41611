"""The whole loop over HTTP, on the real processes."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.service import Service, eventually

HERO = [{"placement": "hero"}]


def event(number: int, kind: str = "purchase", customer: str = "ada", **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{kind}-{number}",
        "source": "shop",
        "type": kind,
        "subject": customer,
        "data": data,
    }


def purchases(service: Service, customer: str = "ada") -> int:
    answer = service.call("GET", f"/v1/customers/{customer}")
    return int(answer.json()["features"]["purchases_30d"]) if answer.status_code == 200 else 0


def test_from_interaction_to_scorecard(service: Service, shop_folder: Path) -> None:
    refused = service.call("POST", "/v1/decisions", json={"customer": "ada", "channel": "web", "placements": HERO})
    assert refused.json()["type"] == "/problems/no-policy"
    service.publish(shop_folder)

    batch = [event(1, amount=60.0), event(2, amount="much"), event(3, "unheard_of"), event(4, amount=1)]
    accepted = service.post("/v1/interactions", batch)
    assert accepted["accepted"] == 2
    assert [(each["index"], each["id"]) for each in accepted["refused"]] == [(1, "purchase-2"), (2, "unheard_of-3")]
    eventually("both purchases are folded", lambda: purchases(service) == 2)

    tried = service.run("eval", "customer.spend > 60.0 && customer.spend_30d < 61.0", "--customer", "ada").stdout
    assert tried.splitlines() == ["false  (bool)", "`customer.spend_30d < 61.0`: 61.0"]

    decision = service.post("/v1/decisions", {"customer": "ada", "channel": "web", "placements": HERO})
    (treatment,) = decision["treatments"]
    assert treatment["offer"] == "pen"  # 5 × the boost of the rule that the purchase fired, against 10
    assert decision["left_out"] == [
        {"campaign": "spring", "program": "gifts", "offer": "mug", "reason": "outranked", "detail": "score 10"}
    ]
    record = service.get(f"/v1/decisions/{decision['decision']}")
    assert record["treatments"] == decision["treatments"]
    assert record["policy"] == service.get("/readyz")["policy"]

    spoken = " ".join(treatment["code"].lower().replace("0", "O").replace("1", "l"))
    for _ in range(3):
        receipt = service.post("/v1/responses", {"code": spoken, "outcome": "accepted", "amount": "12.50"})
        assert receipt["code"] == treatment["code"]
    again = {"code": spoken, "outcome": "accepted"}
    assert service.post("/v1/responses", again)["repeated"]
    wrong = treatment["code"][:-1] + ("0" if treatment["code"][-1] != "0" else "2")
    refused = service.call("POST", "/v1/responses", json={"code": wrong, "outcome": "accepted"})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/bad-code")

    eventually("the answer is counted", lambda: service.get("/v1/scorecard")["totals"]["outcomes"])
    totals = service.get("/v1/scorecard")["totals"]
    assert (totals["interactions"], totals["decisions"], totals["presented"]) == (2, 1, 1)
    assert totals["outcomes"] == {"accepted": 1, "presented": 1}
    assert totals["amount"] == 12.5
    view = service.get("/v1/customers/ada")
    assert view["ledger"]["entries"][0]["outcomes"].keys() == {"presented", "accepted"}
    assert [each["type"] for each in view["recent"]] == ["purchase", "purchase"]


def test_the_interaction_of_a_request_counts_at_once_and_once(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    asked = {
        "customer": "bob",
        "channel": "web",
        "placements": HERO,
        "interaction": {"id": "p-1", "source": "shop", "type": "purchase", "data": {"amount": 80}},
    }
    decision = service.post("/v1/decisions", asked)
    assert decision["treatments"][0]["offer"] == "pen"
    service.post("/v1/interactions", event(1, customer="bob", amount=80.0) | {"id": "p-1"})
    eventually("it is folded", lambda: purchases(service, "bob") == 1)
    service.post("/v1/interactions", event(2, customer="bob", amount=1))
    eventually("so is the next", lambda: purchases(service, "bob") == 2)


def test_a_request_that_is_repeated_gives_the_same_decision(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    asked = {"id": "page-17", "customer": "ada", "channel": "web", "placements": HERO}
    first, *others = at_once([("/v1/decisions", asked)] * 8, service)
    assert all(each == first for each in others)
    assert len(service.get("/v1/customers/ada")["ledger"]["entries"]) == 1


def test_a_decline_is_known_to_the_very_next_decision(service: Service, shop_folder: Path) -> None:
    policy = shop_folder / "policy.yaml"
    silence = {"cool_downs": [{"after": "declined", "per": "customer", "for": "30d"}]}
    policy.write_text(yaml.safe_dump({**yaml.safe_load(policy.read_text()), "contact_policy": silence}))
    service.publish(shop_folder)
    asked = {"customer": "ada", "channel": "web", "placements": HERO}
    for pid in service.children("app worker"):
        os.kill(pid, signal.SIGSTOP)  # nobody folds
    try:
        (treatment,) = service.post("/v1/decisions", asked)["treatments"]
        service.post("/v1/responses", {"code": treatment["code"], "outcome": "declined"})
        again = service.post("/v1/decisions", asked)
    finally:
        for pid in service.children("app worker"):
            os.kill(pid, signal.SIGCONT)
    assert again["treatments"] == []
    assert {each["reason"] for each in again["left_out"]} == {"cool_down"}


def test_a_cap_holds_when_many_ask_at_once(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    asked = {"customer": "eve", "channel": "web", "placements": [{"placement": "hero", "count": 2}]}
    offers = [
        treatment["offer"]
        for decision in at_once([("/v1/decisions", asked)] * 40, service)
        for treatment in decision["treatments"]
    ]
    assert sorted(offers) == ["mug", "mug", "pen", "pen"]


def at_once(calls: list[tuple[str, Any]], service: Service) -> list[Any]:
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(lambda call: service.post(*call), calls))


def test_every_call_needs_a_key_with_the_scope(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    anonymous = httpx.post(f"{service.url}/v1/decisions", json={})
    assert (anonymous.status_code, anonymous.json()["type"]) == (401, "/problems/not-authenticated")
    reader = service.run("keys", "make", "reader", "--scopes", "read").stdout.split()[-1]
    bearer = {"Authorization": f"Bearer {reader}"}
    assert service.call("GET", "/v1/scorecard", headers=bearer).status_code == 200
    assert service.call("POST", "/v1/decisions", json={}, headers=bearer).status_code == 403
    assert service.call("DELETE", "/v1/customers/ada", headers=bearer).status_code == 403


def test_nothing_is_lost_or_doubled_when_every_part_is_killed(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    sent = 0
    for part in ("app worker", "app serve", "redis-server", "app worker", "none"):
        for number in range(sent, sent + 60):
            deliver(service, event(number, customer=f"c{number % 5}", amount=1.0))
        sent += 60
        pids = service.children(part)
        assert pids or part == "none"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    eventually("every purchase is folded once", lambda: folded(service) >= sent)
    assert folded(service) == sent
    assert service.get("/v1/scorecard")["totals"]["interactions"] == sent


def deliver(service: Service, body: dict[str, Any]) -> None:
    """As a touchpoint would: again until it is accepted."""

    def accepted() -> bool:
        try:
            return service.call("POST", "/v1/interactions", json=body).status_code == 202
        except httpx.TransportError:
            return False

    eventually("it is accepted", accepted)


def folded(service: Service) -> int:
    return sum(purchases(service, f"c{n}") for n in range(5))


def test_ctrl_c_and_a_new_start_find_everything_again(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    service.post("/v1/interactions", [event(n, amount=1.0) for n in range(20)])
    decision = service.post("/v1/decisions", {"customer": "ada", "channel": "web", "placements": HERO})
    service.stop()
    service.start()
    eventually("every purchase is there", lambda: purchases(service) == 20)
    receipt = service.post("/v1/responses", {"code": decision["treatments"][0]["code"], "outcome": "declined"})
    assert receipt["decision"] == decision["decision"]
