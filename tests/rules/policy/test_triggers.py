"""Findings about what a time fires and what a rule does, each at its exact place (`§`)."""

# ruff: noqa: E501 (tables)

import pytest

from tests.rules.policy.samples import checked, in_case

OUTBOUND = """\
offers:
  - id: letter
    name: A letter
    always: true
    treatments:
      - {id: mail, channel: email, placement: inbox, content: {body: x}}
      - {id: second, channel: branch, placement: main, content: {body: x}}
campaigns: [{id: c, programs: [{id: p, cells: [{id: all, share: 100, offers: [letter]}]}]}]
"""


def rule(rest: str) -> str:
    return f"{OUTBOUND}rules: [{{id: a, {rest}}}]"


def acting(act: str) -> str:
    return rule(f"when: purchase, propose: letter, act: [{act}]")


LATER = "within: 30m}, propose: letter"
TIMES = [
    ("value-error", rule("when: §{within: 30m}, propose: letter"), "give exactly one of after, at, inactive"),
    ("value-error", rule("when: {after: §purchase, within: 30m}, propose: letter"), "`after` needs `absent` and `within`"),
    ("value-error", rule("when: {at: customer.since, by: §event.product}, propose: letter"), "`by` belongs to `after`"),
    ("value-error", rule("when: {after: purchase, absent: call_started, within: 1h, of: §purchase}, propose: letter"), "`of` belongs"),
    ("value-error", rule("when: {inactive: 30d, every: §year}, propose: letter"), "`every` belongs to `at`"),
    ("literal-error", rule("when: {at: customer.since, every: §century}, propose: letter"), "not `century`"),
    ("unknown-field", rule("when: {after: purchase, absnt§: call_started, " + LATER).replace("absnt§", "§absnt"), "`absnt` is not a field of a timing"),
    ("loose-value", rule("when: {after: purchase, absent: call_started, within: §30}, propose: letter"), "`within` has no unit"),
    ("unknown-interaction-type", rule("when: {after: [purchase, §purchas], absent: call_started, " + LATER), "`purchas`"),
    ("unknown-interaction-type", rule("when: {after: purchase, absent: §call, " + LATER), "`call`"),
    ("unknown-interaction-type", rule("when: {inactive: 30d, of: §call}, propose: letter"), "`call`"),
    ("unknown-field", rule("when: {after: purchase, absent: call_started, by: §event.product, " + LATER), "`call_started` has no field `product`"),
    ("feature-type", rule("when: {after: purchase, absent: purchase, by: §amount, " + LATER), "`by` cannot be taken of `amount`"),
    ("condition", rule("when: {after: purchase, absent: call_started, within: 30m}, if: §event.age > 3, propose: letter"), "`event.age` is not available here: `purchase` has no field"),
    ("condition", rule("when: {at: §customer.age}, propose: letter"), "`at` must be a time, and this is of type int"),
    ("condition", rule("when: {at: customer.since + (§now - customer.since)}, propose: letter"), "`now` is not available in `at`"),
    ("condition", rule("when: {at: §customer.sinc}, propose: letter"), "`customer.sinc` is not declared"),
    ("condition", rule("when: {inactive: 30d}, if: §event.amount > 3.0, propose: letter"), "`event.amount` is not available here"),
    ("unanswered", OUTBOUND + "outcomes: {x: {class: §impression, after: {email: 3d}}}", "its class is neutral"),
    ("unanswered", OUTBOUND + "outcomes: {x: {class: neutral, implies: [presented], after: §{email: 3d}}}", "implies nothing"),
    ("unanswered", OUTBOUND + "outcomes:\n  x: {class: neutral, after: {email: 3d}}\n  y: {class: neutral, after: {§email: 3d}}\n", "on `email`, `x` already happens"),
    ("loose-value", OUTBOUND + "outcomes: {x: {class: neutral, after: {email: §3}}}", "`email` has no unit"),
    ("unknown-channel", OUTBOUND + "outcomes: {x: {class: neutral, after: {§emial: 3d}}}", "there is no channel `emial`"),
]  # fmt: skip
ACTIONS = [
    ("missing-field", OUTBOUND + "rules: [§{id: a, when: purchase}]", "a rule needs `propose` or `act`"),
    ("no-effect", rule("propose: letter, act: §[{call_list: x}]"), "`act` needs `when`"),
    ("no-effect", rule("when: purchase, for: §7d, act: [{call_list: x}]"), "`a` proposes nothing"),
    ("value-error", acting("§{priority: 3}"), "give exactly one of call_list, nudge, message"),
    ("value-error", acting("{message: §email}"), "`message` needs a `placement`"),
    ("value-error", acting("{nudge: §main}"), "`nudge` needs a `text`"),
    ("value-error", acting("{call_list: x, text: §hello}"), "`text` belongs to `nudge`"),
    ("less-than-equal", acting("{call_list: x, priority: §101}"), "less than or equal to 100"),
    ("loose-value", acting("{call_list: x, at_most_once: §7}"), "`at_most_once` has no unit"),
    ("unknown-channel", acting("{message: §emial, placement: inbox}"), "there is no channel `emial`"),
    ("no-treatment", acting("{message: email, placement: §outbox}"), "`letter` has no treatment for `outbox` on `email`"),
    ("no-treatment", rule("when: purchase, propose: deposit, act: [{message: email, placement: §inbox}]"), "`deposit` has no treatment"),
    ("no-treatment", rule("when: purchase, propose: letter, on: branch, act: [{message: §email, placement: inbox}]"), "`on` keeps"),
    ("unknown-placement", acting("{nudge: §mian, text: x}"), "no treatment uses the placement `mian`"),
    ("two-channels", acting("{nudge: §main, text: x}"), "`main` is a placement of `branch` and `call`"),
    ("unknown-channel", acting("{nudge: main, channel: §email, text: x}"), "no treatment uses the placement `main` on `email`"),
    ("text", acting("{call_list: x, note: 'Bill of §{event.amont} EUR'}"), "`event.amont` is not declared"),
    ("text", acting("{call_list: x, note: 'of {event.amount} and §{ more'}"), "a fact stands in braces"),
    ("text", acting("{nudge: main, channel: call, text: \"§{event.job}\"}"), "`event.job` is not declared, or not known to this rule"),
    ("unknown-rule", OUTBOUND + "examples: [{name: a, when: {channel: call, placement: main}, then: {actions: [{rule: §aks, kind: nudge}]}}]", "there is no rule `aks`"),
    ("unknown-action", OUTBOUND + "examples: [{name: a, when: {channel: call, placement: main}, then: {actions: [{rule: ask, kind: §nudge}]}}]", "`ask` has no action of the kind `nudge`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), TIMES + ACTIONS)
def test_a_finding_at_its_place(kind: str, text: str, message: str) -> None:
    result, places = checked(text)

    found = [finding for finding in in_case(result) if finding.id == kind]

    assert [finding.position for finding in found] == places, "\n".join(map(str, result.findings))
    assert message in found[0].message


FINE = [
    'when: {after: [purchase, call_started], absent: [purchase], within: 30m}, if: event.amount > 3.0 || event.age > 3, propose: letter',
    'when: {after: purchase, absent: purchase, within: 30m, by: event.product}, if: event.product == "x", propose: letter',
    "when: {at: 'customer.since - duration(\"720h\")'}, if: event.time < now || true, propose: letter",
    "when: {at: customer.last_call, every: year}, propose: letter",
    "when: {inactive: 30d}, propose: letter, act: [{call_list: x, note: '{customer.id} {{}} {now}'}]",
    "when: {inactive: 30d, of: [purchase]}, if: event.amount > 3.0, propose: letter",
    "when: purchase, act: [{call_list: x, note: '{event.amount} of {customer.spend}', at_most_once: 7d, for: 2d, priority: 80}]",
    "when: purchase, act: [{message: email, placement: inbox}]",
    "when: purchase, propose: letter, on: email, act: [{message: email, placement: inbox}, {nudge: main, channel: call, text: x}]",
]  # fmt: skip


@pytest.mark.parametrize("text", FINE)
def test_what_is_right_has_no_finding(text: str) -> None:
    result, _ = checked(rule(text))

    assert [str(each) for each in in_case(result)] == []
