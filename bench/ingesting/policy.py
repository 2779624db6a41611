"""The policy of the benchmark: that of bench/profiles.py (20 features, 8 windowed, sessions) with 200 trigger rules."""

from typing import Any

import yaml

from bench.profiles import POLICY
from consumers.live import LivePolicy
from rules.policy import check

TRIGGERS = 200


def _trigger(number: int) -> dict[str, Any]:
    """Each looks at the event and two features; about one event in a hundred fires one of them."""
    kind = ("add_to_cart", "purchase", "page_view")[number % 3]
    amount = f"event.amount > {200 + number}.5 && " if kind != "page_view" else ""
    condition = f"{amount}customer.views_7d > {40 + number % 50} && customer.spend_90d > {20 * number}.0"
    act = [{"call_list": f"list-{number % 5}", "priority": number % 100, "at_most_once": "7d"}]
    return {"id": f"trigger-{number}", "when": kind, "if": condition, "act": act}


FILES = {"policy.yaml": yaml.safe_dump({**POLICY, "rules": [*POLICY["rules"], *map(_trigger, range(TRIGGERS))]})}


def live_policy() -> LivePolicy:
    checked = check(FILES)
    assert checked.ok, checked.findings
    return LivePolicy.compiled(checked)
