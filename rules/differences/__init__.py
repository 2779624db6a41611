"""How two policies differ, in business words: which offers, rules, caps, audiences, shares and dates have changed.

Promises a sentence for every difference of the models, also of a field that nobody here has heard of, and none for
policies that say the same. What stands in comments, in other files or in another form of the same is no difference.
`walk` finds them, `words` and `phrases` say them.
"""

from collections.abc import Iterator
from typing import get_args

from rules.differences.walk import Walk
from rules.differences.words import SECTIONS, Place, group_of, label_of, style_of
from schemas.difference import Difference, DifferenceGroup
from schemas.policy import Policy

ORDER = get_args(DifferenceGroup)


def differences(before: Policy, after: Policy) -> list[Difference]:
    """By group; within one in the order of the sections."""
    return sorted(_all(before, after), key=lambda each: ORDER.index(each.group))


def _all(before: Policy, after: Policy) -> Iterator[Difference]:
    walk = Walk(after.policy.currency)
    for name in dict.fromkeys((*type(before).model_fields, *type(after).model_fields)):
        things = (SECTIONS[name],) if name in SECTIONS else ()
        label = "" if name in SECTIONS else label_of(name)
        place = Place(group_of(name, "Other"), things, label, (name,), name, style_of(type(after), name))
        yield from walk.differences(getattr(before, name, None), getattr(after, name, None), place)
