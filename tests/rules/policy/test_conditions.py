"""Mistakes in conditions are shown at the very character, however the text is written in YAML."""

import pytest

from rules.language import EvaluationError
from rules.policy import Position
from tests.rules.policy.samples import BASE, checked, in_case

STYLES = {
    "plain": "segments:\n  a: customer.age > 3 && §customer.nope\n",
    "plain over two lines": "segments:\n  a: customer.age > 3\n     && §customer.nope\n",
    "in a flow mapping": 'segments: {b: \'"é" != "ü"\', a: §customer.nope}',
    "single quotes": "segments:\n  a: '''x'' == ''y'' && §customer.nope'\n",
    "single quotes over two lines": "segments:\n  a: '''x'' == ''y''\n\n   && §customer.nope'\n",
    "double quotes": 'segments:\n  a: "\\"x\\" == \\"\\u00fc\\x41\\" && §customer.nope"\n',
    "a continued line": 'segments:\n  a: "\\"x\\" == \\"y\\" \\\n    && §customer.nope"\n',
    "literal": "segments:\n  a: |\n    customer.age > 3\n      && §customer.nope\n",
    "literal with windows line ends": "segments:\r\n  a: |\r\n    customer.age > 3\r\n      && §customer.nope\r\n",
    "literal with a header": "segments:\n  a: |2-  # why\n     customer.age > 3\n\n     && §customer.nope\n",
    "folded": "segments:\n  a: >-\n    customer.age > 3\n    && §customer.nope\n",
    "beyond the first plane": "segments:\n  a: \"'😀' == 'x' && §customer.nope\"\n",
    "two mistakes": "segments:\n  a: >\n    §customer.mope\n    && §customer.nope\n",
    "at the end": "segments:\n  a: customer.age >§\n",
    "a stage with from": "stages:\n  a:\n    if: |\n      now > now\n        && §customer.nope\n    from: [lost]\n",
    "a score": "scores:\n  a: >\n    customer.spend\n    + §customer.nope\n",
    "an alias": "segments:\n  a: &a §customer.nope\nstages: {b: *a}\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_a_mistake_is_shown_at_its_character(style: str) -> None:
    result, places = checked(STYLES[style])

    assert [each.position for each in in_case(result)] == places, "\n".join(map(str, result.findings))
    assert {each.id for each in result.findings} == {"condition"}


SCOPES = [
    ("segments: {a: customer.calls_30d > 3 && customer.id != 'x' && now > customer.since}", True),
    ("segments: {a: §customer.segments.size() > 0}", False),
    ("segments: {a: §session.bought > 0}", False),
    ("stages: {a: size(customer.segments) > 0}", True),
    ("stages: {a: §customer.stage == 'lost'}", False),
    ("segments: {a: '\"vip\" in customer.tags && customer.last_seen > customer.first_seen'}", True),
    ("segments: {a: §customer.stage_since < now}", False),
    ("stages: {a: customer.stage_since < now}", True),
    ("stages: {a: {if: customer.age > 3, from: [lost]}}", True),
    ("stages: {a: {if: §customer.stage == 'lost'}}", False),
    ("stages: {a: §customer.previous_stage == 'lost'}", False),
    ("scores: {a: customer.spend * 2.0}\nsegments: {b: customer.a > 3.0}\nstages: {c: customer.a > 3.0}", True),
    ("scores: {a: customer.age}\nrules: [{id: a, propose: deposit, if: customer.a > 3}]", True),
    ("scores: {a: customer.spend, b: §customer.a * 2.0}", False),
    ("scores: {a: 'size(§customer.segments)'}", False),
    ("scores: {a: 'double(customer.age) + double(size(customer.tags))'}", True),
    ("rules: [{id: a, when: session_ended, propose: deposit, if: event.bought > 0 && event.length_s > 9.0}]", True),
    (
        "rules: [{id: a, when: session_ended, propose: deposit, if: event.started < now && event.ended_by == 'idle'}]",
        True,
    ),
    ("rules: [{id: a, when: session_ended, propose: deposit, if: §event.amount > 1.0}]", False),
    ("rules: [{id: a, when: purchase, propose: deposit, if: §event.length_s > 1.0}]", False),
    ("rules: [{id: a, when: stage_changed, propose: deposit, if: event.to == 'lost' && !has(event.from)}]", True),
    ("rules: [{id: a, when: [tagged, untagged], propose: deposit, if: \"'vip' in event.tags\"}]", True),
    ("rules: [{id: a, propose: deposit, if: customer.previous_stage == 'lost' && customer.stage_since < now}]", True),
    ("rules: [{id: a, propose: deposit, if: event.amount > 1.0 && event.age > 3}]", True),
    ("rules: [{id: a, when: purchase, propose: deposit, if: event.amount > 1.0}]", True),
    ("rules: [{id: a, when: call_started, propose: deposit, if: §event.amount > 1.0}]", False),
    ("rules: [{id: a, when: identify, propose: deposit, if: event.since > now}]", True),
    ("rules: [{id: a, propose: deposit, if: §offer.value > 1.0}]", False),
    (
        "rules: [{id: a, propose: deposit, if: session.length > duration('5m') && session.interactions > 3}]",
        True,
    ),
    (
        "rules: [{id: a, propose: deposit, if: context.queue == 'a' && context.channel == session.channel}]",
        True,
    ),
    (
        "rules: [{id: a, propose: deposit, if: customer.last_call < event.time && 'cook' in customer.jobs}]",
        True,
    ),
    ("rules: [{id: a, propose: deposit, if: customer.spend > 1.5 && customer.stage == 'lost'}]", True),
]


@pytest.mark.parametrize(("text", "fine"), SCOPES)
def test_a_condition_sees_what_is_in_its_scope(text: str, fine: bool) -> None:
    result, places = checked(text)

    assert [each.position for each in in_case(result) if each.severity == "error"] == places
    assert result.ok == fine


PURPOSES = [
    ("session.bought > 0 && session.length > duration('5m') && customer.age > 3", True),
    ("now > session.started && 'vip' in customer.tags && session.channel == 'web'", True),
    ("§session.purpose == 'a'", False),
    ("§customer.segments.size() > 0", False),
    ("§event.amount > 1.0", False),
    ("§session.nope > 1", False),
]


@pytest.mark.parametrize(("condition", "fine"), PURPOSES)
def test_a_purpose_sees_the_session_and_what_is_known(condition: str, fine: bool) -> None:
    base = BASE.replace("session: {features: {bought: {count: purchase}}}\n", "")
    text = f'session: {{features: {{bought: {{count: purchase}}}}, purposes: {{a: "{condition}", b: "true"}}}}'
    result, places = checked(text, base)

    assert [each.position for each in in_case(result)] == places, "\n".join(map(str, result.findings))
    assert result.ok == fine


def test_eligibility_sees_everything() -> None:
    condition = "offer.class != 'x' && event.amount > 1.0 && context.queue == 'a' && now > session.started"
    result, _ = checked(f"campaigns: [{{id: a, applicable: {condition!r}, programs: [{{id: p, suitable: {condition!r},"
                        " cells: [{id: c, share: 100, holdout: true}]}]}]")  # fmt: skip

    assert result.ok, "\n".join(map(str, result.findings))


def test_every_condition_is_compiled_and_found_by_its_path() -> None:
    result, _ = checked("")

    assert set(result.conditions) == {
        ("segments", "senior"),
        ("stages", "lost", "condition"),
        ("rules", 0, "condition"),
        ("campaigns", 0, "programs", 0, "cells", 0, "eligible"),
        ("contact_policy", "requirements", 0, "require"),
    }
    senior = result.conditions["segments", "senior"]
    assert senior.verdict({"customer.age": 61}) is True
    assert isinstance(senior.verdict({}), EvaluationError)
    assert senior.reads == {"customer.age"}
    assert result.where(("rules", 0, "condition")) == Position("base.yaml", 20, 39)
    assert result.where(("rules", 0, "channels")) == Position("base.yaml", 20, 84)
    assert result.where(("rules", 0, "boost")) == Position("base.yaml", 20, 5)
