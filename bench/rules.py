"""Rule sets side by side: ours, a GoRules ZEN decision table, Google's evaluator, cel-python.

    python -m bench.rules

The same 1,000 rules of four terms each, the same facts, all in one run, best of several rounds; the engines'
hits are compared first, so that none wins by answering differently. None of the terms demands one value of a
field, so that our index has nothing to leave out. The last part has what the index is for: 10,000 rules over
100 interaction types against the 100 rules of one type alone.
"""

from __future__ import annotations

import json
import random
import sys
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.report import best_ns, print_figures, print_table
from rules.language import Condition, Matcher, Vocabulary, compile_condition

RULES, SLOW_RULES, COMPILED, CUSTOMERS, SEED = 1_000, 50, 100, 20, 7
ROUNDS, REPEATS = 6, 5
VOCABULARY = Vocabulary(
    {
        "event.type": "string",
        "customer.spend_90d": "double",
        "customer.age": "int",
        "customer.visits": "int",
        "customer.stage": "string",
    }
)
STAGES = ("new", "growing", "loyal", "decline", "lost")


@dataclass(frozen=True, slots=True)
class Rule:
    """Four terms, in a form that every engine can be given."""

    spend_over: float
    age_under: int
    visits_from: int
    stage_not: str

    def as_cel(self) -> str:
        return (
            f"customer.spend_90d > {self.spend_over} && customer.age < {self.age_under}"
            f' && customer.visits >= {self.visits_from} && customer.stage != "{self.stage_not}"'
        )

    def as_cells(self) -> tuple[str, str, str, str]:
        """The cells of a decision table's row."""
        return (
            f"> {self.spend_over}",
            f"< {self.age_under}",
            f">= {self.visits_from}",
            f"!= '{self.stage_not}'",
        )


Hits = Callable[[Mapping[str, Any]], list[int]]


def some_rules(count: int, chance: random.Random) -> list[Rule]:
    return [
        Rule(
            round(chance.uniform(0, 1500), 2),
            chance.randrange(20, 70),
            chance.randrange(40),
            chance.choice(STAGES),
        )
        for _ in range(count)
    ]


def some_facts(chance: random.Random) -> dict[str, Any]:
    return {
        "event.type": "type_0",
        "customer.spend_90d": round(chance.uniform(0, 2000), 2),
        "customer.age": chance.randrange(18, 90),
        "customer.visits": chance.randrange(50),
        "customer.stage": chance.choice(STAGES),
    }


def nested(facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The facts as the other engines want them: an object for each prefix."""
    made: dict[str, dict[str, Any]] = {}
    for name, value in facts.items():
        prefix, _, field = name.partition(".")
        made.setdefault(prefix, {})[field] = value
    return made


def ours(rules: Sequence[Rule]) -> Hits:
    return Matcher([compile_condition(rule.as_cel(), VOCABULARY) for rule in rules]).hits


def cel_expr(rules: Sequence[Rule]) -> Hits:
    """Google's evaluator, one activation for all the rules of a customer."""
    from cel_expr_python import cel  # type: ignore[import-untyped]

    types = {name: cel.Type(declared) for name, declared in VOCABULARY.types.items()}
    environment = cel.NewEnv(variables=types)
    compiled = [environment.compile(rule.as_cel()) for rule in rules]

    def hits(facts: Mapping[str, Any]) -> list[int]:
        activation = environment.Activation(facts)
        return [number for number, rule in enumerate(compiled) if rule.eval(activation).value()]

    return hits


def cel_python(rules: Sequence[Rule]) -> Hits:
    import celpy
    from celpy.adapter import json_to_cel

    environment = celpy.Environment(annotations={"customer": celpy.celtypes.MapType})
    programs = [environment.program(environment.compile(rule.as_cel())) for rule in rules]

    def hits(facts: Mapping[str, Any]) -> list[int]:
        activation: Any = json_to_cel(nested(facts))
        return [number for number, program in enumerate(programs) if program.evaluate(activation)]

    return hits


def zen_table(rules: Sequence[Rule]) -> Hits:
    """One decision table that collects all its hits."""
    import zen

    decision = zen.ZenEngine().create_decision(json.dumps(_zen_graph(rules)))

    def hits(facts: Mapping[str, Any]) -> list[int]:
        return [row["rule"] for row in decision.evaluate(nested(facts))["result"]]

    return hits


def _zen_graph(rules: Sequence[Rule]) -> dict[str, Any]:
    fields = ("customer.spend_90d", "customer.age", "customer.visits", "customer.stage")
    inputs = [{"id": f"i{at}", "name": field, "field": field} for at, field in enumerate(fields)]
    rows = [
        {"_id": f"r{number}", "o": str(number), **{f"i{at}": cell for at, cell in enumerate(rule.as_cells())}}
        for number, rule in enumerate(rules)
    ]
    outputs = [{"id": "o", "name": "rule", "field": "rule"}]
    content = {"hitPolicy": "collect", "inputs": inputs, "outputs": outputs, "rules": rows}
    place = {"x": 0, "y": 0}
    return {
        "nodes": [
            {"id": "a", "name": "in", "type": "inputNode", "position": place},
            {"id": "b", "name": "table", "type": "decisionTableNode", "position": place, "content": content},
            {"id": "c", "name": "out", "type": "outputNode", "position": place},
        ],
        "edges": [
            {"id": "ab", "type": "edge", "sourceId": "a", "targetId": "b"},
            {"id": "bc", "type": "edge", "sourceId": "b", "targetId": "c"},
        ],
    }


def ns_per_rule(engine: Hits, rules: int, customers: Sequence[Mapping[str, Any]], repeats: int) -> float:
    """The mean over the customers of the best time for each: short spans, so that all engines meet quiet moments."""
    return sum(best_ns(partial(engine, facts), repeats) for facts in customers) / len(customers) / rules


def compare(engines: Mapping[str, tuple[Hits, int]], customers: Sequence[Mapping[str, Any]]) -> float:
    """Every engine's hits against ours; the share of rules that hold."""
    reference = engines["ours"][0]
    total = 0
    for facts in customers:
        wanted = reference(facts)
        total += len(wanted)
        for name, (engine, count) in engines.items():
            found = engine(facts)
            if found != [number for number in wanted if number < count]:
                sys.exit(f"{name} finds {found} and we {wanted} for {facts}")
    return total / len(customers) / RULES


def index_ratio(chance: random.Random, customers: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """10,000 rules over 100 types against the 100 of one: the ratio, and the time of the former in ns."""
    sources = [
        f'event.type == "type_{number % 100}" && {rule.as_cel()}'
        for number, rule in enumerate(some_rules(10_000, chance))
    ]
    conditions = [compile_condition(source, VOCABULARY) for source in sources]
    every, alone = Matcher(conditions), Matcher(conditions[::100])
    for facts in customers:
        if every.hits(facts) != [100 * number for number in alone.hits(facts)]:
            sys.exit("the index changes the answer")
    # by turns and short, so that both meet the same quiet moments of the machine
    rounds = [(ns_per_rule(every.hits, 1, customers, 5), ns_per_rule(alone.hits, 1, customers, 5)) for _ in range(60)]
    best_every, best_alone = (min(column) for column in zip(*rounds, strict=True))
    return best_every / best_alone, best_every


def compile_cost(rules: Sequence[Rule]) -> tuple[float, float, float]:
    """For each rule: milliseconds to check it, milliseconds to generate it, and kilobytes that are kept."""
    sources = [rule.as_cel() for rule in rules]

    def checked() -> list[Condition]:
        return [compile_condition(source, VOCABULARY) for source in sources]

    conditions = checked()
    check_ns = sum(best_ns(partial(compile_condition, source, VOCABULARY), 8) for source in sources)
    build_ns = best_ns(partial(Matcher, conditions), 20)
    tracemalloc.start()
    kept = checked()
    matcher = Matcher(kept)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del matcher
    return check_ns / 1e6 / len(rules), build_ns / 1e6 / len(rules), memory / 1024 / len(rules)


def main() -> None:
    chance = random.Random(SEED)
    rules, customers = some_rules(RULES, chance), [some_facts(chance) for _ in range(CUSTOMERS)]
    slow = rules[:SLOW_RULES]
    engines: dict[str, tuple[Hits, int]] = {
        "ours": (ours(rules), RULES),
        "zen-engine, decision table": (zen_table(rules), RULES),
        "cel-expr-python": (cel_expr(rules), RULES),
        "cel-python": (cel_python(slow), SLOW_RULES),
    }
    share = compare(engines, customers)
    # by turns and equally often, so that all meet the same quiet moments of the machine
    rounds = [
        {name: ns_per_rule(engine, count, customers, REPEATS) for name, (engine, count) in engines.items()}
        for _ in range(ROUNDS)
    ]
    times = {name: min(turn[name] for turn in rounds) for name in engines}
    ratio, indexed_ns = index_ratio(chance, customers)
    check_ms, build_ms, kilobytes = compile_cost(rules[:COMPILED])
    print(f"{RULES:,} rules of four terms, {CUSTOMERS} customers; {share:.1%} hold; all engines agree")
    print(f"(cel-python: the first {SLOW_RULES} rules only)\n")
    rows = [["engine", "ns a rule", "ours is"]]
    rows += [[name, f"{ns:,.1f}", f"{ns / times['ours']:,.0f} x"] for name, ns in times.items()]
    print_table(rows)
    print(f"\n10,000 rules over 100 types: {indexed_ns / 1e3:.1f} µs, {ratio:.2f} x the 100 alone")
    print(f"compiling a rule: {check_ms:.2f} ms to check, {build_ms:.2f} ms to generate; {kilobytes:.1f} kB\n")
    print_figures(
        "rules",
        {
            "ns_per_rule": times["ours"],
            "x_zen_table": times["zen-engine, decision table"] / times["ours"],
            "x_cel_expr": times["cel-expr-python"] / times["ours"],
            "x_cel_python": times["cel-python"] / times["ours"],
            "index_ratio": ratio,
            "compile_ms_per_rule": check_ms + build_ms,
            "kb_per_rule": kilobytes,
        },
        rules=RULES,
        customers=CUSTOMERS,
    )


if __name__ == "__main__":
    main()
