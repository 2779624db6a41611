"""The conditions of offers, asked together for one placement, or for several whose functions are there already."""

from rules.language import compile_condition
from rules.own_conditions import ALONE, OwnConditions
from tests.rules.language.expressions import VOCABULARY

OLD, YOUNG, RICH = (compile_condition(each, VOCABULARY) for each in ("a.int > 5", "a.int <= 5", "a.double > 1.0"))
VALUES = {"a.int": 3, "a.double": 2.0}


def test_what_is_written_alike_is_asked_once() -> None:
    own = OwnConditions.of([(OLD,), (YOUNG, RICH), (OLD,), ()])
    assert own.firsts(VALUES) == [0, 2, 0]
    assert [own.number(each) for each in ((OLD,), (YOUNG, RICH), ())] == [0, 1, 2]
    assert own.number((RICH,)) == ALONE


def test_placements_are_joined() -> None:
    hero, side = OwnConditions.of([(OLD,), (YOUNG,)]), OwnConditions.of([(RICH,), (YOUNG,), (YOUNG, OLD)])
    both = OwnConditions.joined([hero, side])
    firsts = both.firsts(VALUES)
    for own, expected in (((OLD,), 0), ((YOUNG,), 1), ((RICH,), 1), ((YOUNG, OLD), 1)):
        assert firsts[both.number(own)] == expected
    assert OwnConditions.joined([]).firsts(VALUES) == []
