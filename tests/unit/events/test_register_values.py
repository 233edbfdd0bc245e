"""Registers whose values are not understood: which column, how many, how written; never a value of a person."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tasks.events.formats import shipped
from tasks.events.gate_messages import columns
from tasks.events.panel import read_panel
from tasks.events.register_values import ColumnFacts, RegisterFacts
from tasks.period import Period
from tasks.policy import Eligibility
from tests.unit.events.factory import at, csv_bytes, times, write

SUBSCRIBERS = ("subscriber_id", "birth_year", "gender", "segment", "home_mcc", "active_from")
CONSENTS = ("subscriber_id", "purpose", "granted_at", "withdrawn_at", "channel", "text_version")
WHO = Eligibility(purpose="insights", minimum_age=18, segments=("consumer",), home_mcc=262, other_purposes=())
NOW = at("2026-03-03T12:00:00+01:00")
Rows = Sequence[Sequence[str]]


def people(count: int = 10, **changes: str) -> list[tuple[str, ...]]:
    usual = {"birth_year": "1980", "gender": "f", "segment": "consumer", "home_mcc": "262", "active_from": ""} | changes
    return [(usual.get(SUBSCRIBERS[0], f"p{n}"), *(usual[name] for name in SUBSCRIBERS[1:])) for n in range(count)]


def consents(count: int = 10, **changes: str) -> list[tuple[str, ...]]:
    usual = {"purpose": "insights", "granted_at": "2026-01-01T00:00:00Z", "withdrawn_at": "", "channel": "app"}
    usual |= {"text_version": "v1"} | changes
    return [(usual.get(CONSENTS[0], f"p{n}"), *(usual[name] for name in CONSENTS[1:])) for n in range(count)]


def facts(root: Path, subscribers: Rows, histories: Rows) -> RegisterFacts:
    write(root / "subscribers.csv", csv_bytes(subscribers, SUBSCRIBERS))
    write(root / "consents.csv", csv_bytes(histories, CONSENTS))
    day = Period.parse("2026-03-01")
    return read_panel(root, period=day, time=times(), who=WHO, now=NOW, keyed=[b"k" * 32], formats=shipped())[1]


def column(found: RegisterFacts, name: str) -> ColumnFacts:
    [fact] = [fact for fact in found.columns if fact.name == name]
    return fact


def test_registers_as_the_contract_has_them_hold_nothing_odd(tmp_path: Path) -> None:
    subscribers = [*people(4), *people(3, gender="x", segment="business"), *people(2, birth_year="", gender="")]
    histories = [*consents(5), *consents(3, purpose="marketing", granted_at="2026-01-01", channel="")]
    histories += consents(2, granted_at="", withdrawn_at="2026-02-01")
    found = facts(tmp_path, subscribers, histories)
    assert (found.share, found.notes, found.worst(0.05)) == (0.0, (), [])


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"gender": "Male"}, "Male"),
        ({"gender": "Secret7"}, "aaaaaa9"),
        ({"segment": "Consumer"}, "Consumer"),
        ({"birth_year": "1980-05-04"}, "9999-99-99"),
        ({"birth_year": "80"}, "99"),
        ({"home_mcc": "DE"}, "aa"),
        ({"active_from": "01.02.2026"}, "99.99.9999"),
        ({"subscriber_id": ""}, ""),
    ],
    ids=str,
)
def test_a_column_of_the_subscribers_that_is_not_understood_is_named(tmp_path: Path, changes: Any, seen: str) -> None:
    found = facts(tmp_path, [*people(6), *people(4, **changes)], consents())
    [name] = changes
    fact = column(found, f"subscribers.{name}")
    assert (fact.odd, fact.rows, found.share) == (4, 10, 0.4)
    assert seen in fact.seen
    assert [f"{fact.file} column {fact.column}"] == [text.partition(":")[0] for text in found.worst(0.05)]


@pytest.mark.parametrize(
    ("changes", "odd", "seen"),
    [
        ({"purpose": "Insights"}, 10, "Insights"),
        ({"purpose": "Analyse"}, 0, "aaaaaaa"),
        ({"granted_at": "01.01.2000"}, 10, "99.99.9999"),
        ({"granted_at": ""}, 0, ""),
        ({"withdrawn_at": "9999-12-31"}, 10, "9999-99-99"),
        ({"channel": "none"}, 0, "aaaa"),
        ({"text_version": ""}, 0, ""),
    ],
    ids=str,
)
def test_a_column_of_the_consents_of_which_nothing_can_be_counted_is_named(
    tmp_path: Path, changes: Any, odd: int, seen: str
) -> None:
    found = facts(tmp_path, people(), consents(**changes))
    [name] = changes
    fact = column(found, f"consents.{name}")
    assert (fact.odd, fact.share) == (odd, 1.0)
    assert seen in fact.seen
    assert name in found.worst(0.05)[0]


def test_values_of_few_rows_are_counted_and_neither_they_nor_their_form_is_shown(tmp_path: Path) -> None:
    found = facts(tmp_path, [*people(98), *people(2, gender="Male")], consents())
    fact = column(found, "subscribers.gender")
    assert (fact.share, fact.seen) == (0.02, "")
    assert len(found.worst(0.05)) == 1


def test_a_register_without_rows_is_said_to_hold_none(tmp_path: Path) -> None:
    found = facts(tmp_path, people(), [])
    assert found.share == 1.0
    assert "no row" in found.worst(0.05)[0]


def test_withdrawals_that_lie_ahead_and_ids_that_are_alike_are_counted(tmp_path: Path) -> None:
    histories = [*consents(), *consents(1, withdrawn_at="9999-12-31"), *consents(1, withdrawn_at="2026-05-01")]
    found = facts(tmp_path, people(), [*histories, *consents(1, subscriber_id="P3"), *consents(1, withdrawn_at="?")])
    assert [note.split()[1] for note in found.notes] == ["2", "1"]


def test_no_more_columns_are_named_than_one_can_read() -> None:
    assert columns([]) == ""
    assert columns([f"c{n}" for n in range(7)]).count("c") == 5
