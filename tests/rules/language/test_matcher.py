"""Rule sets: the hits of the conditions one by one, in less time."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from rules.language import Condition, Matcher, Vocabulary, compile_condition, explain, never_holds

VOCABULARY = Vocabulary(
    {
        "event.type": "string",
        "context.channel": "string",
        "customer.age": "int",
        "customer.vip": "bool",
        "customer.segments": "list<string>",
        "customer.scores": "map<string, double>",
    }
)
FACTS: dict[str, object] = {
    "event.type": "type_3",
    "context.channel": "web",
    "customer.age": 41,
    "customer.vip": True,
    "customer.segments": ["s1", "s4"],
    "customer.scores": {"risk": 0.2},
}


def conditions(sources: list[str]) -> list[Condition]:
    return [compile_condition(source, VOCABULARY) for source in sources]


def test_hits_are_ascending_indexes() -> None:
    found = Matcher(conditions(["true", "customer.age > 50", "customer.age > 40", "1 / 0 == 1"])).hits(FACTS)
    assert found == [0, 2]
    assert Matcher([]).hits(FACTS) == []


@pytest.mark.parametrize("missing", [set(), {"customer.age"}, {"event.type", "customer.segments"}, set(FACTS)])
def test_many_rules_answer_like_one_by_one(missing: set[str]) -> None:
    chance = random.Random(3)
    terms = [
        *(f'event.type == "type_{number}"' for number in range(8)),
        *(f"customer.age >= {age}" for age in range(30, 60, 4)),
        'context.channel in ["web", "app"]',
        'context.channel in ["call"]',
        "customer.vip",
        "!customer.vip",
        '!("s1" in customer.segments)',
        'customer.segments.exists(s, s == "s4")',
        "size(customer.segments) * 2 + size(customer.segments) > 5",
        "(customer.age > 90 || customer.vip)",
        "!(customer.age > 90 && customer.vip)",
        "(has(customer.age) ? customer.age > 40 : true)",
        "!has(customer.age)",
        "customer.scores.risk < 0.5",
        "(customer.scores.churn > 0.5 || customer.vip)",
        "has(customer.scores.churn)",
        "(100 / (customer.age - 41) > 1 || customer.vip)",
        '{true: "a", 1: "b"}[dyn(customer.age)] == "b"',
    ]
    rules = conditions([" && ".join(chance.sample(terms, chance.randrange(1, 5))) for _ in range(600)])
    facts = {name: value for name, value in FACTS.items() if name not in missing}
    expected = [number for number, rule in enumerate(rules) if rule.holds(facts)]
    assert Matcher(rules).hits(facts) == expected
    assert expected or missing == set(FACTS)


def test_rules_for_other_events_are_not_looked_at() -> None:
    rules = conditions([f'event.type == "type_{number % 100}" && customer.age > 40' for number in range(1_000)])
    matcher = Matcher(rules)
    looked_at: list[str] = []

    class Watched(dict[str, object]):
        def __contains__(self, name: object) -> bool:
            looked_at.append(str(name))
            return super().__contains__(name)

    assert matcher.hits(Watched(FACTS)) == list(range(3, 1_000, 100))
    assert looked_at == ["event.type", "customer.age"]
    looked_at.clear()
    assert matcher.hits(Watched({**FACTS, "event.type": "other"})) == []
    assert looked_at == ["event.type"]


def test_what_rules_share_is_evaluated_once() -> None:
    rules = conditions(
        [f'customer.segments.exists(s, s.matches("^s{{1}}9")) == (customer.age > {age})' for age in range(50)]
    )
    reads: list[str] = []

    class Counted(list[str]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            reads.append("segments")
            return super().__iter__()

    Matcher(rules).hits({**FACTS, "customer.segments": Counted(["s1", "s4"])})
    assert reads == ["segments"]


def test_a_matcher_and_its_conditions_serve_many_threads() -> None:
    rules = conditions([f"customer.age > {age} || customer.scores.none > 1.0" for age in range(200)])
    matcher = Matcher(rules)

    def ask(age: int) -> bool:
        facts = {**FACTS, "customer.age": age}
        return matcher.hits(facts) == list(range(age)) == [at for at, rule in enumerate(rules) if rule.holds(facts)]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(100)))


def test_zero_and_minus_zero_are_not_shared() -> None:
    vocabulary, facts = Vocabulary({"a.d": "double"}), {"a.d": 1.0}
    sources = ["1.0 / (a.d * 0.0) > 0.0", "1.0 / (a.d * -0.0) < 0.0", "1.0 / (a.d * -0.0) > 0.0"]
    rules = [compile_condition(source, vocabulary) for source in sources]
    assert [rule.verdict(facts) for rule in rules] == [True, True, False]
    assert Matcher(rules).hits(facts) == [0, 1]
    assert [explain(rule, facts).verdict for rule in rules] == [True, True, False]
    assert "-inf" in explain(rules[2], facts).sentence
    assert never_holds(compile_condition(f"{sources[0]} && !({sources[2]})", vocabulary)) is None
    assert compile_condition(sources[1], vocabulary).tree == rules[1].tree
