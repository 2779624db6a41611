"""What the structs take, the models take too, with the same values; what the models refuse, the structs refuse."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from pydantic import BaseModel, ValidationError

from schemas.decision import DecisionRequest, Question
from schemas.interaction import CloudEvent, Event, event_taken, from_cloud_event
from schemas.plain import taken
from schemas.response import ResponseRequest, SentBack

KINDS = ("customer", "account", "phone", "visitor")
ODD = ("", " ", "ada", "Ada", "a b", "ada\n", "\x1c", "a\x85", "a\u2028b", "é", "１", "9lives", "a" * 200, "a" * 201)
ODD_TIMES = (
    *("2026-03-01T09:30:00Z", "2026-03-01t09:30:00z", "2026-03-01 09:30:00Z", "2026-03-01T09:30Z", "2026-03-01"),
    *("2026-03-01T09:30:00", "2026-03-01T09:30:00.1234567Z", "2026-03-01T09:30:00.999999999Z", "2026-03-01T09:30:60Z"),
    *("2026-03-01T24:00:00Z", "2026-02-29T09:30:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+10:00"),
    *("2026-03-01T09:30:00+23:59", "2026-03-01T09:30:00+24:00", "2026-03-01T09:30:00-00:00", "２026-03-01T09:30:00Z"),
    *("2026-03-01T09:30:00.5+02:00", "2026-03-01T09:30:00+0200", "1772357400", "9999-12-31T23:59:59.999999-12:00"),
)
ODD_NUMBERS = (0, -1, 1, 3.0, 2**63, 2**64, 1e300, 1e-7, 0.1 + 0.2, -0.0, 12345.6789, 1.23456, 1e10, 9999999999.9999)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(ODD_NUMBERS)
    | st.sampled_from((*ODD, *ODD_TIMES, "1.5", "12"))
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from((*ODD, "x")), inner, max_size=2),
    max_leaves=4,
)
names = st.sampled_from(("web", "hero", "_x1", "a" * 64, "a" * 65, *ODD))
texts = st.sampled_from(("ada", "shop/7", "a" * 120, *ODD))
times = st.sampled_from(ODD_TIMES) | st.datetimes(timezones=st.timezones()).map(lambda each: each.isoformat())
counts = st.sampled_from((1, 2, 50, 51, 0, True, 1.0, "2"))


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value in ten is anything at all."""
    return st.integers(0, 9).flatmap(lambda chance: anything if chance == 0 else good)


def some(fields: dict[str, st.SearchStrategy[Any]], needed: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    given_always = {name: mostly(fields[name]) for name in needed}
    others = {name: mostly(each) for name, each in fields.items() if name not in needed}
    known = st.fixed_dictionaries(given_always, optional=others)
    more = st.dictionaries(st.sampled_from(("x", " others", "phone", "Customer")), anything, max_size=1)
    return st.tuples(known, st.integers(0, 9), more).map(lambda parts: parts[0] | (parts[2] if parts[1] == 0 else {}))


slots = st.lists(some({"placement": names, "count": counts}, ("placement",)), max_size=3)
data = st.dictionaries(texts, anything, max_size=3)
happened = some({"id": texts, "source": texts, "type": texts, "time": times, "data": data}, ("id", "source", "type"))
questions = some(
    {
        "customer": texts,
        "visitor": texts,
        "identifiers": st.dictionaries(names, texts, max_size=2),
        "channel": names,
        "placements": slots,
        "id": texts,
        "context": st.dictionaries(names, anything, max_size=2),
        "interaction": happened,
        "deadline_ms": st.sampled_from((1, 60_000, 60_001, 0, 5.0)),
    },
    ("channel", "placements", "customer"),
)
replies = some(
    {
        "code": texts,
        "customer": texts,
        "outcome": st.sampled_from(("accepted", "a.b-c", "-a", "a" * 80, "a" * 81, 12, *ODD)),
        "amount": st.sampled_from(ODD_NUMBERS) | st.floats(0, 1e11) | st.integers(0, 10**11),
        "time": times,
    },
    ("code", "outcome"),
)
events = some(
    {
        "specversion": st.sampled_from(("1.0", "1.0", "1.0", "0.3", 1.0)),
        "id": texts,
        "source": texts,
        "type": texts,
        "subject": texts,
        "visitor": texts,
        "account": texts,
        "channel": names,
        "policy": texts,
        "time": times,
        "data_base64": st.sampled_from(("AA==", None)),
        "datacontenttype": texts,
        "data": data,
    },
    ("specversion", "id", "source", "type"),
)


def valid(model: type[BaseModel], value: Any) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


@settings(max_examples=500, deadline=None)
@given(questions)
def test_questions(value: dict[str, Any]) -> None:
    found, model = taken(Question, value), valid(DecisionRequest, value)
    if found is None:
        return
    assert model is not None, value
    for name in Question.__struct_fields__:
        if name not in ("placements", "interaction"):
            assert getattr(found, name) == getattr(model, name), name
    assert [(each.placement, each.count) for each in found.placements] == [
        (each.placement, each.count) for each in model.placements
    ]
    assert (found.interaction is None) == (model.interaction is None)
    if found.interaction is not None and model.interaction is not None:
        assert structs.asdict(found.interaction) == model.interaction.model_dump()
    assert outcome_of(lambda: found.named(KINDS)) == outcome_of(lambda: model.named(KINDS))


@settings(max_examples=500, deadline=None)
@given(replies)
def test_replies(value: dict[str, Any]) -> None:
    found, model = taken(SentBack, value), valid(ResponseRequest, value)
    if found is None:
        return
    assert model is not None, value
    assert structs.asdict(found) == model.model_dump()


@settings(max_examples=500, deadline=None)
@given(events | anything)
def test_events(value: Any) -> None:
    found, model = event_taken(value), valid(CloudEvent, value)
    if found is None:
        return
    assert model is not None, value
    assert outcome_of(lambda: from_cloud_event(found, 7, KINDS)) == outcome_of(
        lambda: from_cloud_event(model, 7, KINDS)
    )


def outcome_of(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ValueError as refused:
        return str(refused)


def test_what_is_usual_is_taken() -> None:
    """Otherwise everything else here would hold of a struct that takes nothing."""
    usual = {"channel": "web", "placements": [{"placement": "hero"}, {"placement": "side", "count": 2}]}
    happened = {"id": "1", "source": "shop", "type": "view", "time": "2026-03-01T09:30:00.5+01:00", "data": {"a": [1]}}
    for whom in ({"customer": "ada"}, {"visitor": "v-1"}, {"identifiers": {"phone": "+351"}}):
        assert taken(Question, {**usual, **whom, "interaction": happened, "context": {"a": 1}, "deadline_ms": 9})
    assert taken(SentBack, {"code": "0A3F-7K2M", "outcome": "accepted", "amount": 12.5, "time": "2026-03-01T09:30:00Z"})
    assert event_taken({**happened, "specversion": "1.0", "phone": "+351"})
    assert isinstance(event_taken({**happened, "specversion": "1.0", "subject": "ada"}), Event)
