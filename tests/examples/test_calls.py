"""The file, as calls: what is sent, and what must not be."""

import gzip

import orjson

from examples.bank_contact_centre.calls import CALLS, DATA, read_calls

ALL = list(read_calls())


def test_every_call_of_the_file_is_a_client_of_its_own_in_the_order_of_the_file() -> None:
    assert len(ALL) == CALLS
    assert [call.number for call in ALL] == list(range(1, CALLS + 1))
    assert len({call.customer for call in ALL}) == CALLS
    assert len({call.request["interaction"]["id"] for call in ALL}) == CALLS
    assert sum(call.says_yes for call in ALL) == 4_640


def test_the_first_call_is_told_as_the_file_tells_it() -> None:
    with gzip.open(DATA, "rt") as lines:
        next(lines)
        assert next(lines).startswith('56;"housemaid";"married";"basic.4y";"no";"no";"no";"telephone";"may";"mon"')
    assert ALL[0].request == {
        "customer": "bank-00001",
        "channel": "call",
        "placements": [{"placement": "agent", "count": 1}],
        "context": {
            "month": "may",
            "weekday": "mon",
            "employment_variation": 1.1,
            "consumer_prices": 93.994,
            "consumer_confidence": -36.4,
            "euribor_3m": 4.857,
            "employees": 5191.0,
        },
        "interaction": {
            "id": "call-00001",
            "source": "desktop/01",
            "type": "call_started",
            "data": {
                "age": 56,
                "job": "housemaid",
                "marital": "married",
                "education": "basic.4y",
                "in_default": False,
                "housing_loan": False,
                "personal_loan": False,
                "contacts_this_campaign": 1,
                "contacts_before": 0,
                "line": "telephone",
            },
        },
    }
    assert ALL[0].answer == "declined"


def test_what_is_known_only_after_the_call_is_never_sent_before() -> None:
    sent = {name for call in ALL for name in (*call.data, *call.context)}
    assert not sent & {"duration", "y", "says_yes", "answer"}


def test_what_the_file_does_not_know_is_left_out() -> None:
    assert b"unknown" not in orjson.dumps([call.request for call in ALL])
    assert b"nonexistent" not in orjson.dumps([call.request for call in ALL])
    assert sum("in_default" not in call.data for call in ALL) == 8_597
    assert sum("previous_outcome" not in call.data for call in ALL) == 35_563
    assert sum("days_since_last_campaign" not in call.data for call in ALL) == 39_673
    assert max(call.data.get("days_since_last_campaign", 0) for call in ALL) == 27


def test_the_first_so_many_calls_can_be_read_alone() -> None:
    assert list(read_calls(first=3)) == ALL[:3]
