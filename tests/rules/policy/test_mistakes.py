"""Typical mistakes of a fresh author: one finding each, at the very character, with what to write instead."""

import pytest

from rules.policy.mistakes import SIGNS, WORDS
from tests.rules.policy.samples import BASE, checked, in_case

CONDITION = "rules:\n  - id: a\n    when: call_started\n    propose: deposit\n    if: |\n      {}\n"
SPELLING = [
    ("has(customer.age) §and customer.age > 3", "`and` is not a word of the language", "write `&&`"),
    ("has(customer.age) §OR customer.age > 3 or now > now", "`OR` is not a word of the language", "write `||`"),
    ("§not has(customer.age)", "`not` is not a word of the language", "write `!`"),
    ("customer.age > 3 && §not (customer.age < 9)", "`not` is not a word of the language", "write `!`"),
    ("event.job §not in ['cook']", "`not in` is not a word of the language", "write `!(… in …)`"),
    ("event.job §is not 'cook'", "`is not` is not a word of the language", "write `!=`"),
    ("customer.age §= 3", "`=` is not an operator", "write `==`"),
    ("customer.age §=> 3", "`=>` is not an operator", "write `>=`"),
    ("customer.age §<> 3", "`<>` is not an operator", "write `!=`"),
    ("customer.age > 3 §& customer.age < 9", "`&` is not an operator", "write `&&`"),
    ("customer.age > 3 §| customer.age < 9", "`|` is not an operator", "write `||`"),
    ("event.job == §“cook”", "`“` is not a quotation mark of the language", "write `\"` or `'`"),
    ("event.job == §'cook", "the text that begins here is not closed", "end it with `'`"),
    ("(event.job == 'cook') == §True", "`True` is not a word of the language", "write `true`"),
    ("event.job == §None", "`None` is not a word of the language", "write `has(…)` or `!has(…)`"),
]


@pytest.mark.parametrize(("condition", "message", "hint"), SPELLING)
def test_a_word_or_sign_of_another_language(condition: str, message: str, hint: str) -> None:
    result, places = checked(CONDITION.format(condition))

    assert [(each.position, each.message, each.hint) for each in result.findings] == [(places[0], message, hint)]


@pytest.mark.parametrize("condition", ["event.job == 'cook'", 'event.job == "and" || event.job == "a = b & c"'])
def test_what_is_right_is_left_alone(condition: str) -> None:
    assert checked(CONDITION.format(condition))[0].findings == ()


def test_two_mistakes_are_two_findings() -> None:
    result, places = checked(CONDITION.format("customer.age §= 3 && event.job §= 'cook'"))
    assert [each.position for each in result.findings] == places

    result, places = checked(CONDITION.format("§customer.height > 3 && customer.age == §True"))
    assert [each.position for each in result.findings] == places


def test_the_tables_lead_to_the_language() -> None:
    assert not (WORDS.keys() | SIGNS.keys()) & {*WORDS.values(), *SIGNS.values()}


SCOPES = [
    ("segments: {a: §customer.segments.size() > 1}", "`customer.segments` is not available in segments"),
    ("segments: {a: §event.job == 'x'}", "`event.job` is not available in segments"),
    ("segments: {a: §session.started > now}", "`session.started` is not available in segments"),
    ("stages: {a: §event.nope == 'x'}", "`event.nope` is not available in stages"),
    ("stages: {a: §customer.stage == 'lost'}", "`customer.stage` is not available in stages"),
    ("scores: {a: double(§session.bought)}", "`session.bought` is not available in scores"),
    (
        "rules: [{id: a, when: purchase, propose: deposit, if: §offer.value > 1.0}]",
        "`offer.value` is not available in rules",
    ),
    (
        "rules: [{id: a, when: purchase, propose: deposit, if: §event.age > 1}]",
        "`event.age` is not available here: `purchase` has no field `age`",
    ),
    ("rules: [{id: a, when: purchase, propose: deposit, if: §event.nope > 1}]", "`event.nope` is not declared"),
    ("rules: [{id: a, when: purchase, propose: deposit, if: §height > 1}]", "`height` is not declared"),
]


@pytest.mark.parametrize(("text", "message"), SCOPES)
def test_a_name_of_another_scope(text: str, message: str) -> None:
    result, places = checked(text)

    assert [(each.position, each.message) for each in result.findings] == [(places[0], message)]


def test_a_field_of_another_event_comes_with_who_has_it() -> None:
    result, _ = checked("rules: [{id: a, when: purchase, propose: deposit, if: event.age > 1}]")

    assert result.findings[0].hint == "`call_started` has it"


UNQUOTED = [
    ("tag", "segments:\n  a: §!has(customer.age)\n"),
    ("tag", "segments:\n  a: §!customer.age\n"),
    ("yaml-syntax", "segments:\n  a: §!has(customer.age) && now > now\n"),
    ("yaml-syntax", "segments:\n  a: §!(customer.age > 3)\n"),
    ("yaml-syntax", "segments: {a: §!has(customer.age)}\n"),
    ("yaml-syntax", "stages:\n  a: \"senior\" §in customer.segments\n"),
    ("yaml-syntax", "stages: {a: \"senior\" §in customer.segments}\n"),
    ("yaml-syntax", "stages:\n  a: 'x' §== customer.id\n"),
    ("yaml-syntax", "segments:\n  a: customer.age > 3 ? true §: false\n"),
    ("yaml-syntax", "segments:\n  a: customer.id == \"a§: b\"\n"),
    ("yaml-syntax", "segments:\r\n  a: customer.id == \"a§: b\"\r\n"),
    ("yaml-syntax", "segments: {a: customer.age in §[3]}\n"),
    ("condition", "segments:\n  a: customer.id == \"a §#b\"\n"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), UNQUOTED)
def test_a_condition_that_needs_quotes(kind: str, text: str) -> None:
    result, places = checked(text)

    assert [(each.id, each.position, each.hint) for each in result.findings] == [
        (kind, places[0], "put the condition in quotes")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "segments:\n  a: customer.age > 3  # grown-ups\n",
        "segments:\n  a: '!has(customer.age)'\n",
        "segments:\n  a: customer.id == 'a:b'\n",
    ],
)
def test_what_needs_no_quotes(text: str) -> None:
    assert checked(text)[0].findings == ()


@pytest.mark.parametrize(
    "text", ["offers:\n  - id: a\n   b: c > d\n", "segments:\n  a: [\n  b: x == y\n", "a: b\n c: d\n"]
)
def test_other_mistakes_of_yaml_are_not_taken_for_conditions(text: str) -> None:
    result, _ = checked(text)

    assert [each.id for each in result.findings] == ["yaml-syntax"]
    assert result.findings[0].hint != "put the condition in quotes"


NAMES = [
    ("rules: [{id: a, when: purchase, propose: deposit, if: '§\"yung\" in customer.segments'}]", "segment", "yung"),
    ("rules: [{id: a, when: purchase, propose: deposit, if: \"customer.stage == §'lots'\"}]", "stage", "lots"),
    ("rules: [{id: a, when: purchase, propose: deposit, if: \"§'lots' != customer.stage\"}]", "stage", "lots"),
    (
        "rules: [{id: a, when: purchase, propose: deposit, if: \"customer.stage in ['lost', §'lots']\"}]",
        "stage",
        "lots",
    ),
    ('stages: {a: \'customer.id == "yung" || §"yung" in customer.segments\'}', "segment", "yung"),
    ("stages: {a: 'customer.segments.exists(s, s == §\"yung\")'}", "segment", "yung"),
    ("stages: {a: \"customer.id.startsWith('\\\\'') && !(§'yung' in customer.segments)\"}", "segment", "yung"),
    ("stages:\n  a: |\n    now > now ||\n    §'yung' in customer.segments\n", "segment", "yung"),
    ("stages: {a: {if: \"§'yung' in customer.segments\", from: [lost]}}", "segment", "yung"),
    (
        "rules: [{id: a, when: purchase, propose: deposit, if: \"customer.previous_stage == §'lots'\"}]",
        "stage",
        "lots",
    ),
    ("rules: [{id: a, when: stage_changed, propose: deposit, if: \"event.to == §'lots'\"}]", "stage", "lots"),
    ("rules: [{id: a, when: stage_changed, propose: deposit, if: \"event.from in [§'lots']\"}]", "stage", "lots"),
]


@pytest.mark.parametrize(("text", "noun", "name"), NAMES)
def test_segments_and_stages_are_closed_sets(text: str, noun: str, name: str) -> None:
    result, places = checked(text)

    found = [each for each in result.findings if each.severity == "error"]
    assert [(each.id, each.position, each.message) for each in found] == [
        (f"unknown-{noun}", places[0], f"there is no {noun} `{name}`")
    ]
    assert found[0].hint == ("did you mean `lost`?" if noun == "stage" else "there is only `senior`")


PURPOSES = [
    "rules: [{id: a, when: purchase, propose: deposit, if: \"session.purpose == §'bying'\"}]",
    "rules: [{id: a, when: session_ended, propose: deposit, if: \"event.purpose == §'bying'\"}]",
]


@pytest.mark.parametrize("text", PURPOSES)
def test_purposes_are_a_closed_set(text: str) -> None:
    base = BASE.replace("{bought: {count: purchase}}", "{bought: {count: purchase}}, purposes: {buying: now > now}")
    result, places = checked(text, base)

    found = [(each.id, each.position, each.hint) for each in result.findings if each.severity == "error"]
    assert found == [("unknown-purpose", places[0], "did you mean `buying`?")]


def test_a_field_of_another_event_is_no_closed_set() -> None:
    declared = "interactions: {moved: {channel: branch, fields: {to: string}}}"
    rule = "rules: [{id: a, when: moved, propose: deposit, if: event.to == 'Porto'}]"
    assert checked(f"{declared}\n{rule}")[0].findings == ()


def test_a_name_near_a_declared_one() -> None:
    result, _ = checked("segments: {young: customer.age < 30}\nstages: {a: '\"yung\" in customer.segments'}")

    assert [each.hint for each in in_case(result)] == ["did you mean `young`?"]


def test_names_that_are_declared_are_fine() -> None:
    condition = '"senior" in customer.segments && customer.stage in ["lost", "a"] && customer.id != "yung"'
    result, _ = checked(
        f"rules: [{{id: a, when: purchase, propose: deposit, if: '{condition}'}}]\nstages: {{a: now > now}}"
    )

    assert [each for each in result.findings if each.severity == "error"] == []


def test_names_of_refused_segments_are_not_missed() -> None:
    base = BASE.replace("segments: {senior: customer.age >= 60}", "segments: {senior: 3}")
    result, _ = checked("stages: {a: '\"senior\" in customer.segments'}", base)

    assert in_case(result) == []
