"""Visits, tags, scores and stages over HTTP, on the real processes."""

from pathlib import Path
from typing import Any

import yaml

from tests.builders import CATALOGUE, SHOP
from tests.e2e.service import Service, eventually

LIFE: dict[str, Any] = {
    "interactions": {**SHOP["interactions"], "logout": {"channel": "web"}},
    "features": {**SHOP["features"], "visits": {"count": "session_ended"}},
    "session": {
        "ends": "logout",
        "features": {"bought": {"count": "purchase"}},
        "purposes": {"buying": "session.bought > 0", "browsing": "true"},
    },
    "scores": {"worth": "customer.spend * 2.0"},
    "segments": {"vip": '"vip" in customer.tags'},
    "stages": {"regular": {"if": "customer.visits >= 1", "from": ["new"]}, "new": "!has(customer.stage_since)"},
    "lifecycle": {"review": "7d"},
}


def event(number: int, kind: str, **over: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": str(number), "source": "shop", "type": kind, "subject": "ada", **over}


def test_a_visit_becomes_its_summary_and_moves_the_stage(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "life"
    folder.mkdir()
    (folder / "policy.yaml").write_text(yaml.safe_dump({**SHOP, **CATALOGUE, **LIFE}, sort_keys=False))
    service.publish(folder)

    batch = [
        event(1, "page_view"),
        event(2, "purchase", data={"amount": 7.5}),
        event(3, "tagged", data={"tags": ["vip"]}),
    ]
    assert service.post("/v1/interactions", batch)["accepted"] == 3
    eventually("the visit is open", lambda: _view(service).get("stage") == "new")
    assert _view(service)["sessions"][0]["purpose"] == "buying"
    tried = service.run(
        "eval", 'session.purpose == "buying" && customer.worth > 14.0', "--customer", "ada", "--channel", "web"
    )
    assert tried.stdout.startswith("true")

    service.post("/v1/interactions", [event(4, "logout")])
    eventually("the summary has moved the stage", lambda: _view(service).get("stage") == "regular")
    view = _view(service)
    assert [each["stage"] for each in view["stages"]] == ["regular", "new"]
    assert (view["tags"], view["scores"], view["segments"]) == (["vip"], {"worth": 15.0}, ["vip"])
    session = view["sessions"][0]
    assert (session["open"], session["ended_by"], session["interactions"]) == (False, "logout", 3)
    assert [each["type"] for each in view["recent"]] == ["logout", "tagged", "purchase", "page_view"]
    tried = service.run("eval", 'customer.stage == "regular" && customer.previous_stage == "new"', "--customer", "ada")
    assert tried.stdout.startswith("true")


def _view(service: Service) -> dict[str, Any]:
    answer = service.call("GET", "/v1/customers/ada")
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return found
