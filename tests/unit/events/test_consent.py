"""Withdrawal wins: since when a consent stands is read from whole histories, and the default is no."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from string import ascii_lowercase

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.events.clock import Clock
from tasks.events.consent import CONSENT_COLUMNS, find_standing, find_withdrawn, load_consents
from tasks.events.formats.columns import Column
from tasks.events.formats.sections import Ids, RegisterFormat
from tasks.events.reference_tables import ReferenceTable, Source
from tasks.events.register_values import consent_checks
from tasks.policy import Eligibility
from tests.reference_consent import Row, standing_since

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
UTC_CLOCK = Clock((), 0)
JANUARY, FEBRUARY, MARCH = "2026-01-10T08:00:00Z", "2026-02-10T08:00:00Z", "2026-03-01T08:00:00Z"
GRANT = Row("a", "insights", JANUARY, "")


def who(*others: str) -> Eligibility:
    return Eligibility(purpose="insights", minimum_age=18, segments=("consumer",), home_mcc=262, other_purposes=others)


def register(con: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> ReferenceTable:
    """The consents as a table of text, which is how a CSV file is read."""
    values = zip(*rows, strict=True)
    text = {name: pa.array(of, pa.string()) for name, of in zip(CONSENT_COLUMNS, values, strict=True)}
    con.register("rows", pa.table(text))
    source = Source(Path("consents.parquet"), (), RegisterFormat.model_validate({}), ".parquet", {})
    columns = {name: Column(name, "VARCHAR") for name in text}
    return ReferenceTable.of(source, "rows", columns, UTC_CLOCK, Ids())


def judged(rows: Sequence[Row], *others: str) -> tuple[dict[str, datetime], set[str]]:
    """Since when whose consent stands, and who withdrew."""
    with duckdb.connect() as con:
        consents = register(con, rows)
        load_consents(con, consents, consent_checks(consents, who()))
        con.execute("CREATE TABLE claim AS SELECT DISTINCT subscriber_id, alike, -1e18::BIGINT AS since FROM consent")
        con.execute("CREATE TABLE person AS FROM claim")
        find_standing(con, who(*others), NOW)
        found = con.execute("FROM standing").fetchall()
        return {name: datetime.fromtimestamp(second, UTC) for name, second in found}, set(find_withdrawn(con, NOW))


def stands(*rows: Row, others: Sequence[str] = ()) -> bool:
    return "a" in judged(rows, *others)[0]


WITHDRAWALS = [
    Row("", "insights", JANUARY, FEBRUARY),
    Row("", "insights", "", FEBRUARY),
    Row("", "insights", "last year", FEBRUARY),
    Row("", "insights", JANUARY, FEBRUARY, "", ""),
    Row("", "", "", FEBRUARY, "", ""),
    Row("", "INSIGHTS ", JANUARY, FEBRUARY, "letter"),
    Row("", "marketing", JANUARY, FEBRUARY),
    Row("", "insights", JANUARY, JANUARY),
    Row("", "insights", JANUARY, "2026-01-10"),
    Row("", "insights", JANUARY, "2031-01-01"),
    Row("", "insights", JANUARY, "9999-12-31"),
    Row("", "insights", JANUARY, "0001-01-01"),
    Row("", "insights", JANUARY, "infinity"),
    Row("", "insights", JANUARY, "yes"),
    Row("", "insights", JANUARY, "10.02.2026"),
    Row("", "insights", FEBRUARY, "2025-12-01"),
]


def one_each(rows: Iterable[Row]) -> list[Row]:
    """The rows, each of a subscriber of its own."""
    return [row._replace(subscriber=f"s{letter}") for letter, row in zip(ascii_lowercase, rows, strict=False)]


def test_a_withdrawal_in_any_words_voids_the_grants_up_to_it() -> None:
    rows, grants = one_each(WITHDRAWALS), one_each([GRANT] * len(WITHDRAWALS))
    assert set(judged(grants)[0]) == {grant.subscriber for grant in grants}
    begun, gone = judged([*grants, *rows])
    assert begun == judged([*rows, *grants, *grants])[0] == {}
    sure = {row.subscriber for row in rows if row.withdrawn in (JANUARY, FEBRUARY, "2026-01-10")}
    assert gone == sure, "no rows are removed for what cannot be read"


def test_no_value_in_other_words_is_no_withdrawal() -> None:
    nulls = ["", " ", "NULL", "null", r"\N", "NaT", "\t", "\u00a0", "\u200b", "\ufeff \u2003"]
    grants = one_each(GRANT._replace(withdrawn=null) for null in nulls)
    begun, gone = judged(grants)
    assert (set(begun), gone) == ({grant.subscriber for grant in grants}, set())


@pytest.mark.parametrize("column", ["channel", "text_version"])
def test_words_for_nothing_prove_nothing(column: str) -> None:
    nothing = ["", " ", "NULL", r"\N", "\t", "\u00a0", "\u200b", "none", "None", "-", "n/a", "NaN", "0"]
    assert judged(one_each(GRANT._replace(**{column: word}) for word in nothing))[0] == {}


def test_a_grant_given_after_the_withdrawal_stands_again() -> None:
    left = GRANT._replace(withdrawn=FEBRUARY)
    assert judged([left, GRANT._replace(granted=MARCH)])[0] == {"a": datetime(2026, 3, 1, 8, tzinfo=UTC)}
    assert not stands(left, GRANT._replace(granted=FEBRUARY)), "at the same instant"
    assert not stands(left, GRANT._replace(granted=MARCH, channel="")), "without proof"
    assert judged([left, GRANT._replace(granted=MARCH)])[1] == set()


def test_after_what_cannot_be_read_no_later_grant_stands() -> None:
    assert not stands(GRANT._replace(withdrawn="soon"), GRANT._replace(granted=MARCH))


def test_a_withdrawal_of_a_purpose_that_the_policy_lists_as_another_leaves_ours() -> None:
    marketing = Row("a", " Marke ting", JANUARY, FEBRUARY)
    assert not stands(GRANT, marketing)
    assert stands(GRANT, marketing, others=["MARKETING"])
    assert not stands(GRANT, marketing._replace(purpose=""), others=["MARKETING"])


def test_a_grant_in_another_spelling_is_none() -> None:
    spellings = ["Insights", "in sights", "marketing", ""]
    assert judged(one_each(GRANT._replace(purpose=spelling) for spelling in spellings))[0] == {}


@pytest.mark.parametrize("spelling", ["A", "+a", "00a", " a", "a\u00a0", "+ 0A"])
def test_ids_that_are_alike_share_their_withdrawals_and_not_their_grants(spelling: str) -> None:
    assert judged([GRANT, Row(spelling, "insights", JANUARY, FEBRUARY)])[0] == {}
    begun, gone = judged([Row(spelling, "insights", JANUARY, FEBRUARY), GRANT._replace(granted=MARCH)])
    assert (set(begun), len(gone)) == ({"a"}, 1 if spelling.strip() != "a" else 0)


def test_a_grant_dated_by_day_counts_from_the_next_and_may_lie_before_a_withdrawal_of_its_day() -> None:
    dated = GRANT._replace(granted="2026-02-10")
    assert judged([dated])[0] == {"a": datetime(2026, 2, 11, tzinfo=UTC)}
    assert not stands(dated, Row("a", "insights", "", "2026-02-10T00:00:00Z"))
    assert stands(dated, Row("a", "insights", "", "2026-02-09T23:59:59Z"))
    assert not stands(GRANT._replace(granted=FEBRUARY), Row("a", "insights", "", "2026-02-10"))
    assert not stands(GRANT._replace(granted="2026-03-03")), "it begins tomorrow"


def test_a_utc_suffix_is_an_offset() -> None:
    assert stands(GRANT._replace(granted="2026-02-10 08:00:00 UTC"))
    assert not stands(GRANT._replace(granted="2026-02-10 08:00:00 CET"))


MOMENTS = st.sampled_from(
    [
        *("", "NULL", "soon", "9999-12-31", "0001-01-01", "2026-02-30"),
        *("2026-01-10", "2026-02-10", "2026-02-11", "2026-03-03", "2026-03-04"),
        *("2026-01-10T00:00:00Z", "2026-02-09T23:59:59Z", "2026-02-10T00:00:00Z", "2026-02-10T08:00:00Z"),
        *("2026-02-10T23:59:59Z", "2026-02-11T00:00:00Z", "2026-03-03T12:00:00Z", "2026-03-03T12:00:01Z"),
    ]
)
ROWS = st.builds(
    Row,
    subscriber=st.sampled_from(["a", "A", "0a", "b", "+b", "0", "+", "49", "049", "+4 9"]),
    purpose=st.sampled_from(["insights"] * 4 + ["Insights", "marketing", "Bill ing", ""]),
    granted=MOMENTS,
    withdrawn=st.just("") | MOMENTS,
    channel=st.sampled_from(["app"] * 3 + ["", "none"]),
    text_version=st.sampled_from(["v1"] * 3 + ["NULL"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=14))
def test_the_engine_agrees_with_the_plain_definition(rows: list[Row]) -> None:
    assert judged(rows, "billing")[0] == standing_since(rows, ["billing"], NOW)
