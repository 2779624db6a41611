"""Whatever changes in whatever policy shows, as a sentence; what is equal shows nothing."""

import copy
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import AwareDatetime, BaseModel

from rules.differences import differences
from rules.policy import check, read_folder
from schemas.catalogue import UniversalHoldout
from schemas.example import ExampleInteraction
from schemas.goals import Goal
from schemas.observed import AGGREGATES, Feature
from schemas.policy import HandOver, Policy
from schemas.stock import Budget, Inventory
from schemas.triggers import Timing
from schemas.windows import Window
from tests.rules.differences.test_sentences import PYTHON
from tests.rules.worlds import policy_of

Path = tuple[str | int, ...]
MOST_LEAVES = 250


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every value that holds no others, and of every collection."""
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from leaves(getattr(value, name), (*path, name))
        case dict():
            yield path
            for name, each in value.items():
                yield from leaves(each, (*path, name))
        case tuple():
            yield path
            for at, each in enumerate(value):
                yield from leaves(each, (*path, at))
        case _:
            yield path


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = getattr(value, str(step)) if isinstance(value, BaseModel) else value[step]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy with another value there; what the models allow is not asked."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, BaseModel):
        return value.model_copy(update={str(step): put(getattr(value, str(step)), rest, new)})
    if isinstance(value, dict):
        return {**value, step: put(value[step], rest, new)}
    assert isinstance(step, int)
    return (*value[:step], put(value[step], rest, new), *value[step + 1 :])


def another(value: Any, chance: random.Random) -> Any:
    """Some other value of its kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + chance.choice([1, -1, 1_000_000])
        case float():
            return value + chance.choice([1, 1e-9, -1, 1_000_000])
        case str():
            return chance.choice([value + "x", value + " ", "x" * 200 + value, value.upper() + "y"])
        case datetime() | date():
            return value + timedelta(days=chance.choice([1, -400]))
        case dict():
            name = chance.choice(sorted(value)) if value else None
            return {each: value[each] for each in value if each != name} if name else {"new": "x"}
        case tuple():
            return value[1:] if value else ("new",)
    raise AssertionError(type(value))


def something(holder: Any, name: str | int) -> Any:
    """A value for a field that has none."""
    assert isinstance(holder, BaseModel)
    kinds = [each for each in get_args(type(holder).model_fields[str(name)].annotation) if each is not type(None)]
    kind = next((each for each in (get_origin(kinds[0]), kinds[0]) if each in SOME), Annotated)
    return SOME.get(get_args(kinds[0])[0] if kind is Annotated else kind)


SOME: dict[Any, Any] = {
    str: "x",
    int: 7,
    float: 1.5,
    date: date(2026, 1, 1),
    AwareDatetime: datetime(2026, 1, 1, tzinfo=UTC),
    Window: Window(rolling=60_000),
    tuple: ("x",),
    Literal: "day",
    Goal: Goal.model_validate({"when": "purchase", "within": "3d", "outcome": "accepted"}),
    HandOver: HandOver.model_validate({"to": "web", "for": "3d"}),
    UniversalHoldout: UniversalHoldout(share=2),
    Inventory: Inventory(units=7),
    Budget: Budget(amount=7),
    ExampleInteraction: ExampleInteraction(type="x"),
}


FORMS = ("after", "at", "inactive", "rolling", "calendar")


def real(name: str) -> Policy:
    found = check(read_folder(f"examples/{name}")).policy
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["bank-contact-centre", "telecom-retention", "web-shop"])
def test_whatever_changes_in_a_real_policy_shows(name: str) -> None:
    chance = random.Random(name)
    policy = real(name)
    paths = list(leaves(policy))
    for path in chance.sample(paths, min(MOST_LEAVES, len(paths))):
        shows(policy, path, chance)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_changes_in_a_random_policy_shows(seed: int) -> None:
    chance = random.Random(seed)
    policy = policy_of(seed).ruleset.policy
    assert differences(policy, copy.deepcopy(policy)) == []
    paths = list(leaves(policy))
    for path in chance.sample(paths, min(30, len(paths))):
        shows(policy, path, chance)


@pytest.mark.parametrize("seed", range(10))
def test_two_random_policies_differ_by_as_much_either_way(seed: int) -> None:
    one, other = policy_of(seed).ruleset.policy, policy_of(seed + 1_000).ruleset.policy
    there, back = differences(one, other), differences(other, one)
    assert len(there) == len(back) > 0
    assert {each.where for each in there} == {each.where for each in back}
    spoken([each.text for each in (*there, *back)])


def shows(policy: Policy, path: Path, chance: random.Random) -> None:
    before = at(policy, path)
    after = another(before, chance) if before is not None else something(at(policy, path[:-1]), path[-1])
    changed = put(policy, path, after)
    if not sensible(at(changed, path[:-1])):
        return
    lines = [each.text for each in differences(policy, changed)]
    assert lines, (path, before, after)
    spoken(lines)
    assert [each.text for each in differences(changed, policy)], (path, after, before)
    if not isinstance(before, dict | tuple):
        assert len(lines) <= 2, lines  # the name of an entry: one is removed, another is new


def sensible(holder: Any) -> bool:
    """Whether a feature or a time still has one form: nothing else can be said of it."""
    if isinstance(holder, Feature):
        return sum(bool(getattr(holder, name)) for name in AGGREGATES) == 1
    forms = sum(bool(getattr(holder, each, None)) for each in FORMS)
    return not isinstance(holder, Timing | Window) or forms == 1


def spoken(lines: list[str]) -> None:
    for line in lines:
        assert line[0].isupper() or not line[0].isalpha(), line
        assert "\n" not in line, line
        assert not [each for each in PYTHON if each in line], line
