"""Every kind of finding, at its exact place. `§` marks where it must point."""

# ruff: noqa: E501 (tables)

import pytest

from tests.rules.policy.samples import BASE, checked, in_case

OFFER = (
    "{id: loan, name: Loan, always: true, treatments: [{id: t, channel: call, placement: main, content: {script: x}}]}"
)
YAML = [
    ("yaml-syntax", "offers:\n  - id: a\n§\tname: x\n", "this is not YAML"),
    ("yaml-syntax", "offers: [1, 2§", "this is not YAML"),
    ("encoding", "# caf§\udce9\n", "the byte 0xe9 is not UTF-8 text"),
    ("encoding", "a: 1\nb: x§\x07\n", "the character U+0007 cannot stand in YAML"),
    (
        "duplicate-key",
        "segments:\n  a: now > now\n  §a: now < now\n",
        "`a` is given twice, first at case.yaml:2:3",
    ),
    ("tag", "segments: {a: §!!python/object:os.system now > now}", "the tag `!!python/object:os.system`"),
    ("merge-key", "x-a: &a {age: int}\nattributes: {§<<: *a}", "merge keys"),
    ("alias", "segments: {a: §*nowhere}", "`*nowhere` has no anchor"),
    ("alias", "segments: &s {a: §*s}", "`*s` stands inside itself"),
    ("key", "segments: {§[a]: now > now}", "a key must be text"),
    ("number", "arbitration: {propensity_exponent: §1e999}", "a number must be finite"),
    ("number", "arbitration: {propensity_exponent: §99999999999999999999}", "at most 64 bits"),
    ("second-document", "segments: {}\n§---\nstages: {}\n", "a second document in one file"),
    ("too-deep", "x: " + "[" * 59 + "§" + "[" * 41 + "]" * 100, "nested more than 60 levels deep"),
    ("section", "§[a, b]", "a policy file holds sections"),
    ("section", "segments: §[a]", "`segments:` holds names with their definitions"),
    ("section", "offers: §{a: b}", "`offers:` holds a list"),
    ("empty-section", "§segments:\n", "the section `segments:` is empty"),
    (
        "defined-twice",
        "§policy: {name: other}",
        "the section `policy:` is given twice, first at base.yaml:1:1",
    ),
    ("defined-twice", "segments:\n  §senior: now > now", "`senior` is given twice, first at base.yaml:17:12"),
]
MODELS = [
    ("unknown-field", "rules: [{id: a, propose: deposit, §fi: now > now}]", "`fi` is not a field of a rule"),
    ("unknown-field", "§ofers: []", "`ofers` is not a field of a policy file"),
    ("unknown-field", "outcomes: {x: {class: neutral, §end: true}}", "`end` is not a field of an outcome"),
    ("missing-field", "rules:\n  - §id: a\n", "a rule needs `propose`"),
    ("missing-field", "outcomes: {x: §{ends: true}}", "an outcome needs `class`"),
    ("literal-error", "outcomes: {x: {class: §positiv}}", "not `positiv`"),
    ("literal-error", "attributes: {a: §integer}", "not `integer`"),
    ("string-pattern-mismatch", "attributes: {§Age: int}", "`Age` cannot be used as a name"),
    ("string-pattern-mismatch", "outcomes: {§a b: {class: neutral}}", "`a b` cannot be used as a name"),
    ("string-pattern-mismatch", "rules: [{id: §-x, propose: deposit}]", "`-x` cannot be used as `id`"),
    ("string-type", "segments: {a: §12}", "`a` should be text, not `12`"),
    ("model-type", "outcomes: {x: §true}", "`x` should be fields with their values, not `true`"),
    ("string-pattern-mismatch", "features: {f: {count: §a b}}", "`a b` cannot be used as `count`"),
    ("value-error", "features: {f: {count: purchase, window: §3y}}", "'3y' is not a duration"),
    ("value-error", "features: {f: §{count: purchase, sum: amount}}", "give exactly one of count, sum"),
    ("too-short", "rules: [{id: a, propose: §[]}]", "`propose` should have at least 1 item"),
    (
        "greater-than-equal",
        "rules: [{id: a, propose: deposit, boost: §0}]",
        "`boost` should be greater than or equal",
    ),
    (
        "date-from-datetime-parsing",
        "campaigns: [{id: a, starts: §soon, programs: []}]",
        "`starts` should be a valid date",
    ),
    (
        "loose-value",
        "outcomes: {x: {class: neutral, ends: §yes}}",
        "`ends` should be true or false, not `yes`",
    ),
    ("loose-value", "arbitration: {propensity_exponent: §'2'}", "`propensity_exponent` should be a number"),
    ("loose-value", "arbitration: {propensity_exponent: §true}", "`propensity_exponent` should be a number"),
    ("loose-value", "features: {f: {count: purchase, window: §30}}", "`window` has no unit"),
    ("loose-value", "rules: [{id: a, propose: deposit, when: purchase, for: §30}]", "`for` has no unit"),
]
REFERENCES = [
    ("unknown-offer", "rules: [{id: a, propose: [deposit, §depositt]}]", "there is no offer `depositt`"),
    ("unknown-offer", "rules: [{id: a, propose: §depositt}]", "there is no offer `depositt`"),
    (
        "unknown-offer",
        "examples: [{name: a, when: {channel: call, placement: main}, then: {withheld: [§x]}}]",
        "`x`",
    ),
    (
        "unknown-offer",
        "examples: [{name: a, when: {channel: call, placement: main}, then: {reasons: {§x: cap}}}]",
        "`x`",
    ),
    ("unknown-interaction-type", "rules: [{id: a, when: [§purchas], propose: deposit}]", "`purchas`"),
    (
        "unknown-interaction-type",
        "features: {f: {count: §purchas}}",
        "there is no interaction type `purchas`",
    ),
    ("unknown-interaction-type", "features: {f: {sum: amount, of: [purchase, §purchas]}}", "`purchas`"),
    ("unknown-outcome", "outcomes: {x: {class: neutral, implies: [§presentd]}}", "`presentd`"),
    (
        "unknown-attribute",
        "examples:\n  - {name: a, given: {attributes: {§agee: 3}}, when: {channel: call, placement: main}, then: {}}",
        "there is no attribute `agee`",
    ),
    (
        "unknown-program",
        "examples:\n  - {name: a, given: {cells: {§callz: x}}, when: {channel: call, placement: main}, then: {}}",
        "there is no program `callz`",
    ),
    (
        "unknown-cell",
        "examples:\n  - {name: a, given: {cells: {calls: §control2}}, when: {channel: call, placement: main}, then: {}}",
        "the program `calls` has no cell `control2`",
    ),
    (
        "unknown-field",
        "examples:\n  - name: a\n    when: {channel: call, placement: main, interaction: {type: purchase, data: {§amout: 3}}}\n"
        "    then: {}\n",
        "`purchase` has no field `amout`",
    ),
    (
        "unknown-field-of-the-context",
        "examples: [{name: a, when: {channel: call, placement: main, context: {§que: x}}, then: {}}]",
        "there is no field of the context `que`",
    ),
    ("unknown-stage", "stages: {a: {if: now > now, from: [lost, §losd]}}", "there is no stage `losd`"),
    ("unknown-stage", "stages: {a: {if: now > now, from: §losd}}", "there is no stage `losd`"),
    (
        "unknown-stage",
        "examples: [{name: a, given: {stage: §losd}, when: {channel: call, placement: main}, then: {}}]",
        "there is no stage `losd`",
    ),
    (
        "unknown-stage",
        "examples: [{name: a, when: {channel: call, placement: main}, then: {stage: §losd}}]",
        "there is no stage `losd`",
    ),
    (
        "unknown-segment",
        "examples: [{name: a, when: {channel: call, placement: main}, then: {segments: [senior, §senor]}}]",
        "there is no segment `senor`",
    ),
    (
        "unknown-purpose",
        "examples: [{name: a, when: {channel: call, placement: main}, then: {purpose: §buying}}]",
        "there is no purpose `buying`",
    ),
    ("unknown-channel", "rules: [{id: a, propose: deposit, on: [call, §cal]}]", "there is no channel `cal`"),
    (
        "unused-channel",
        "rules: [{id: a, propose: deposit, on: §branch}]",
        "no treatment uses the channel `branch`",
    ),
    (
        "unused-placement",
        "examples: [{name: a, when: {channel: call, placement: §mian}, then: {}}]",
        "`mian`",
    ),
]
SENSE = [
    ("string-pattern-mismatch", "wording: {§age: your age}", "`age` cannot be used as a name"),
    ("unknown-fact", "wording: {§customer.agee: your age}", "there is no fact `customer.agee`"),
    ("worded-judgement", "wording: {§customer.segments: your groups}", "is a judgement on the customer"),
    ("worded-judgement", "scores: {risk: '1.0'}\nwording: {§customer.risk: your risk}", "is a judgement on the customer"),
    ("duplicate-id", "rules: [{id: §ask, propose: deposit}]", "the rule `ask` is defined twice, first at base.yaml:20:10"),
    ("never-appears", f"offers: [{OFFER}]".replace("loan", "§loan"), "it is in no cell of any program"),
    ("never-appears", f"offers: [{OFFER}]".replace("loan", "§loan").replace("always: true, ", ""), "no rule proposes it"),
    ("shares", "campaigns: [{id: a, programs: [{id: p, cells: §[{id: c, share: 95, holdout: true}]}]}]", "add up to 95"),
    (
        "dates",
        "campaigns:\n  - {id: a, starts: 2026-05-01, ends: §2026-04-30, programs: [{id: p, cells: [{id: c, share: 100,"
        " holdout: true}]}]}",
        "`a` ends on 2026-04-30, before it starts on 2026-05-01",
    ),
    ("no-effect", "rules: [{id: a, propose: deposit, for: §1h}]", "`for` needs `when`: nothing fires `a`"),
    ("reserved-name", "interactions: {§identify: {}}", "`identify` is a built-in interaction type"),
    ("reserved-name", "interactions: {§session_ended: {}}", "`session_ended` is a built-in interaction type"),
    ("reserved-name", "identifiers: {§subject: {}}", "`subject` is an attribute of every event"),
    ("reserved-name", "identifiers: {§customer: {}}", "`customer` is an attribute of every event"),
    ("reserved-name", "interactions: {a: {fields: {§time: timestamp}}}", "`time` is known of every event"),
    ("reserved-name", "attributes: {§stage: string}", "`stage` is known of every customer"),
    ("reserved-name", "interactions: {§stage_changed: {}}", "`stage_changed` is a built-in interaction type"),
    ("reserved-name", "interactions: {§tagged: {}}", "`tagged` is a built-in interaction type"),
    ("reserved-name", "attributes: {§tags: string}", "`tags` is known of every customer"),
    ("reserved-name", "scores: {§last_seen: '1.0'}", "`last_seen` is known of every customer"),
    ("name-clash", "scores: {§age: '1.0'}", "`customer.age` is also an attribute, see base.yaml:9:14"),
    ("name-clash", "scores: {§spend: '1.0'}", "`customer.spend` is also a feature, see base.yaml:12:3"),
    ("condition", "scores: {a: §customer.age > 3}", "a score must be a number (double or int), and this is of type bool"),
    ("string-type", "scores: {a: §12}", "`a` should be text, not `12`"),
    ("string-pattern-mismatch", "scores: {§Past: '1.0'}", "`Past` cannot be used as a name"),
    ("unknown-field", "stages: {a: {if: now > now, §form: [lost]}}", "`form` is not a field of a stage"),
    ("missing-field", "stages: {a: §{from: [lost]}}", "a stage needs `if`"),
    ("never-entered", "stages: {a: {if: now > customer.since, from: §[b]}, b: {if: now > customer.since, from: §[a]}}", "nobody can enter `a`"),
    ("reserved-name", "stages: {§none: now > customer.since}", "no stage can be called `none`"),
    ("value-error", "lifecycle: {review: §5m}", "`review` is at least 1h"),
    ("loose-value", "lifecycle: {review: §3600000}", "`review` has no unit"),
    ("unknown-field", "lifecycle: {§revew: 7d}", "`revew` is not a field of the lifecycle"),
    ("unknown-field", "features: {f: {sum: §event.length, of: session_ended}}", "`session_ended` has no field `length`"),
    ("feature-type", "features: {f: {sum: §event.started, of: session_ended}}", "`sum` cannot be taken of `started`"),
    ("reserved-name", "context: {§channel: string}", "`channel` is known of every request"),
    ("name-clash", "features: {§age: {count: purchase}}", "also an attribute, see base.yaml:9:14"),
    ("two-types", "interactions: {a: {fields: {job: §int}}}", "`event.job` is int here and string at base.yaml:3:57"),
    ("sets", "interactions: {a: {sets: [§age]}}", "`a` has no field `age` to copy"),
    ("sets", "interactions: {a: {fields: {job: string}, sets: [§job]}}", "there is no attribute `job`"),
    ("sets", "interactions: {a: {fields: {since: string}, sets: [§since]}}", "is string, the attribute timestamp"),
    ("bounds", "attributes: {a: §{type: string, min: 3}}", "`min` and `max` are for numbers"),
    ("bounds", "attributes: {a: {type: int, min: §3, max: 1}}", "`min` 3 is above `max` 1"),
    ("one-of", "attributes: {a: {type: int, one_of: §[x]}}", "`one_of` is for text"),
    ("unknown-field", "features: {f: {sum: §event.amont, of: purchase}}", "`purchase` has no field `amont`"),
    ("feature-type", "features: {f: {sum: §job, of: call_started}}", "`sum` cannot be taken of `job`, which is string"),
    ("feature-type", "features: {f: {count: purchase, by: §event.amount}}", "`by` cannot be taken of `amount`"),
    ("feature-type", "features: {f: {top: §amount, of: purchase}}", "`top` cannot be taken of `amount`"),
    ("unknown-field", "features: {f: {count: purchase, by: §event.produkt}}", "`purchase` has no field `produkt`"),
    ("loose-value", "features: {f: {count: purchase, window: {rolling: §30}}}", "`rolling` has no unit"),
    ("value-error", "features: {f: {count: purchase, window: §{}}}", "give either `rolling`"),
    ("value-error", "features: {f: {rate: §purchase}}", "`rate` needs a `window`"),
    ("value-error", "features: {f: {recent: §product, of: purchase, by: product}}", "leave out `by`"),
    ("unknown-interaction-type", "features: {f: {rate: [§purchas], window: 30d}}", "`purchas`"),
    ("feature-type", "features: {f: {max: §event.channel, of: purchase}}", "`max` cannot be taken of `channel`"),
    ("no-impression", "outcomes: {§x: {class: positive}}", "`x` is positive and implies no impression"),
    ("no-impression", "outcomes: {§x: {class: negative, implies: [y]}, y: {class: neutral}}", "`x` is negative"),
    ("unconditional", "rules: [{id: §a, propose: deposit}]", "`a` has neither `when` nor `if`"),
    ("no-event", "rules: [{id: a, propose: deposit, if: §has(event.job)}]", "`event.job` is known only if the request"),
    ("never-holds", "segments: {a: §customer.age > 9 && customer.age < 3}", "this never holds: customer.age cannot satisfy"),
    ("never-holds", "rules: [{id: a, when: purchase, propose: deposit, if: §'false'}]", "this never holds: `false`"),
    ("unknown-reason", "examples: [{name: a, when: {channel: call, placement: main}, then: {reasons: {deposit: §cooldown}}}]",
     "there is no reason `cooldown`"),
    ("implies-cycle", "outcomes: {x: {class: neutral, implies: §[y]}, y: {class: neutral, implies: [x]}}", "`x` > `y` > `x`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), YAML + MODELS + REFERENCES + SENSE)
def test_a_finding_at_its_place(kind: str, text: str, message: str) -> None:
    result, places = checked(text)

    found = [finding for finding in in_case(result) if finding.id == kind]

    assert [finding.position for finding in found] == places, "\n".join(map(str, result.findings))
    assert message in found[0].message
    assert result.ok == all(finding.severity == "warning" for finding in result.findings)


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("cool_downs: [{after: §declind, for: 90d}]", "unknown-outcome"),
        ("cool_downs: [{after: declined, for: §500d}]", "remember"),
        ("caps: [{id: a, per: offer, at_most: 1, within: §500d}]", "remember"),
        ("caps: [{id: a, per: offer, at_most: 1, within: 1d}, {id: §a, per: offer, at_most: 1, within: 2d}]", "duplicate-id"),
        ("requirements: [{id: a, require: now > now, channels: [§wep]}]", "unknown-channel"),
        ("reservation: §500d", "remember"),
        ("caps: [{id: a, per: offer, at_most: §0, within: 1d}]", "closed-cap"),
        ("caps: [{id: a, per: offer, at_most: 1, within: 1d, §channel: x}]", "unknown-field"),
    ],
)  # fmt: skip
def test_the_contact_policy(section: str, kind: str) -> None:
    result, places = checked(f"contact_policy:\n  {section}\n", BASE.partition("contact_policy:")[0])

    assert [(each.id, each.position) for each in in_case(result)] == [(kind, places[0])]


@pytest.mark.parametrize(
    ("section", "kind", "message"),
    [
        ("ends: [purchase, §purchas]", "unknown-interaction-type", "`purchas`"),
        ("ends: [§session_ended]", "not-in-a-visit", "`session_ended` happens in no visit"),
        ("features: {n: {count: §stage_changed}}", "not-in-a-visit", "`stage_changed` happens in no visit"),
        ("features: {§purpose: {count: purchase}}", "reserved-name", "`purpose` is known of every session"),
        ("features: {§length_s: {count: purchase}}", "reserved-name", "`length_s` is known of every session"),
        ("features: {§source: {count: purchase}}", "reserved-name", "`source` is known of every session"),
        ("purposes: {a: §12}", "string-type", "`a` should be text, not `12`"),
        ("purposes: {a: '§session.nope > 1'}", "condition", "`session.nope` is not declared"),
        ("purposes: {a: §customer.age > 9 && customer.age < 3}", "never-holds", "this never holds"),
        ("§end: [purchase]", "unknown-field", "`end` is not a field of the session"),
    ],
)
def test_the_session(section: str, kind: str, message: str) -> None:
    session = "session: {features: {bought: {count: purchase}}}\n"
    result, places = checked(f"session:\n  {section}\n", BASE.replace(session, ""))

    found = [each for each in in_case(result) if each.id == kind]
    assert [each.position for each in found] == places, "\n".join(map(str, result.findings))
    assert message in found[0].message


def test_reviews_without_stages_have_no_effect() -> None:
    stages = "stages: {lost: '\"senior\" in customer.segments'}\n"
    result, places = checked("lifecycle: {review: §7d}", BASE.replace(stages, ""))

    assert [(each.id, each.position) for each in result.findings] == [("no-effect", places[0])]
    assert checked("lifecycle: {review: 7d}")[0].findings == ()


def test_a_misspelt_field_comes_with_the_nearest_name() -> None:
    result, _ = checked("campaigns:\n  - {id: a, programs: [{id: p, elligible: now > now, cells: []}]}\n")

    assert "case.yaml:2:32: error: `elligible` is not a field of a program (hint: did you mean `eligible`?)" in map(
        str, result.findings
    )


def test_the_header_is_required() -> None:
    result, _ = checked("segments: {}", base="")

    assert [(str(each.position), each.id) for each in result.findings] == [("case.yaml:1:1", "missing-header")]


def test_every_finding_at_once_and_in_file_order() -> None:
    result, places = checked(
        "attributes: {height: int, weight: §integer}\n"
        "outcomes:\n"
        "  lost: {class: §negativ}\n"
        "rules:\n"
        "  - {id: a, propose: deposit, §iff: 'now > now'}\n"
        "  - {id: b, propose: §deposti, when: purchase, boost: 2}\n"
        "  - {id: c, when: purchase, propose: deposit, boost: §99}\n"
        "interactions:\n"
        "  §purchase: {}\n"
    )

    assert [finding.position for finding in result.findings] == places
    assert result.policy is None
    assert not result.ok


def test_a_refused_entry_brings_no_findings_about_what_refers_to_it() -> None:
    result, places = checked(
        f"offers: [{OFFER}]\nrules: [{{id: a, when: purchase, propose: loan}}]".replace("name: Loan", "name: §12")
    )

    assert [finding.position for finding in result.findings] == places


def test_names_of_a_file_that_cannot_be_read_are_not_missed_elsewhere() -> None:
    result, _ = checked("segments: {a: customer.height > 3}\nrules: [{id: a, propose: loan}]\n§: [")

    assert {finding.id for finding in result.findings} == {"yaml-syntax"}


CELLS = "campaigns: [{{id: a, programs: [{{id: p, cells: §[{}]}}]}}]"
TREATED = "{id: b, share: 50, offers: [deposit]}, {id: c, share: 30, offers: [deposit]}"
SHARES = [
    (TREATED, "add up to 80, not 100", "add a cell with `holdout: true` for the rest"),
    (f"{TREATED}, {{id: d, share: 10, holdout: true}}", "add up to 90, not 100", "give the other 10 to its cells"),
    (f"{TREATED}, {{id: d, share: 40, holdout: true}}", "add up to 120, not 100", "take 20 away"),
]


@pytest.mark.parametrize(("cells", "message", "hint"), SHARES)
def test_shares_say_what_is_missing(cells: str, message: str, hint: str) -> None:
    result, places = checked(CELLS.format(cells))

    assert [(each.position, each.hint) for each in result.findings] == [(places[0], hint)]
    assert message in result.findings[0].message


def test_a_cell_without_offers_is_shown_at_them() -> None:
    result, places = checked(
        "campaigns:\n  - {id: a, programs: [{id: p, cells: [{id: c, share: 100, offers: §[]}]}]}\n"
    )

    assert [each.position for each in result.findings] == places
    assert result.findings[0].message.startswith("`offers` is empty")


def test_a_proposal_on_a_channel_that_the_offer_has_no_words_for() -> None:
    cells = "[{id: c, share: 100, offers: [loan, deposit]}]"
    result, places = checked(
        f"offers: [{OFFER.replace('channel: call', 'channel: web').replace('always: true, ', '')}]\n"
        f"campaigns: [{{id: a, programs: [{{id: p, cells: {cells}}}]}}]\n"
        "rules:\n"
        "  - {id: a, when: purchase, propose: [deposit, §loan], on: call}\n"
        "  - {id: b, when: purchase, propose: [§deposit, loan], on: [web]}\n"
        "  - {id: c, when: purchase, propose: [deposit, loan], on: [web, call]}\n"
        "  - {id: d, when: purchase, propose: [deposit, loan]}\n"
    )

    assert [(each.id, each.position) for each in result.findings] == [("no-treatment", place) for place in places]
    assert result.ok


def test_a_rule_that_does_more_than_always_is_no_always() -> None:
    result, _ = checked("rules: [{id: a, propose: deposit, on: call}, {id: b, propose: deposit, boost: 2}]")

    assert result.findings == ()


HINTS = [
    ("contact_policy: {cool_downs: [{after: refused, for: 9d}]}", "there are `accepted`, `declined` and `presented`"),
    ("contact_policy: {cool_downs: [{after: declned, for: 9d}]}", "did you mean `declined`?"),
    ("outcomes: {x: {class: positive}}", "write `implies: [presented]`"),
    ("rules: [{id: a, when: purchase, propose: mug}]", "there is only `deposit`"),
    (
        "examples: [{name: a, when: {channel: call, placement: main}, then: {reasons: {deposit: cooldown}}}]",
        "did you mean `cool_down`?",
    ),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_the_nearest_name_or_all_of_a_few(text: str, hint: str) -> None:
    result, _ = checked(text, BASE.partition("contact_policy:")[0])

    assert [each.hint for each in result.findings] == [hint]
