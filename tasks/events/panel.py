"""The panel: who may be counted in a period, from when to when, under the pseudonyms of its keys. Default deny."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import RejectedInput, StepFailed
from tasks.events import duckdb_session, sql_text
from tasks.events.clock import Clock
from tasks.events.consent import CONSENT_COLUMNS, consent_notes, find_standing, find_withdrawn, load_consents
from tasks.events.formats import Formats
from tasks.events.landing import find_register
from tasks.events.packed_key import SUBSCRIBERS
from tasks.events.reference_tables import ID, ReferenceTable, load, open_reference_table
from tasks.events.register_values import (
    ColumnRule,
    RegisterFacts,
    column_facts,
    consent_checks,
    flags,
    subscriber_checks,
)
from tasks.period import Period, day_start
from tasks.policy import Calendar, Eligibility

T = TypeVar("T")
AT_ONCE = 1 << 16
OLDEST = 120
"""Years; an age above is a birth year that is not known."""
SUBSCRIBER_COLUMNS = ("subscriber_id", "birth_year", "gender", "segment", "home_mcc")
OPTIONAL = ("active_from",)
LIMITS = (("256MB", 2), ("1GB", 2), ("80%", os.cpu_count() or 1))
"""Memory and threads of DuckDB, where it can spill: the first that suffices. Some joins need more for more rows."""
_CLOCKS_FROM = datetime(2000, 1, 1, tzinfo=UTC)


def read_panel(
    root: Path,
    *,
    period: Period,
    time: Calendar,
    who: Eligibility,
    now: datetime,
    keyed: Sequence[bytes],
    formats: Formats,
    spill: Path | None = None,
) -> tuple[pa.Table, RegisterFacts]:
    """Panel members sorted by `pseudonym`, their pseudonym under the first key (uint64), and facts of register values.

    Also: subscriber_id, extra_0.. (pseudonyms under further keys), from_second and to_second (int32, consent in elapsed
    seconds since the period's local start), age_band (0..5) and gender (0 f, 1 m, 2 else). Registers come from `root`.
    `spill`: a private folder for what does not fit into memory.
    """
    members, facts = _from_registers(root, time, who, now, formats, spill, lambda con: _members(con, period, time, who))
    if members.num_rows > SUBSCRIBERS:
        raise RejectedInput(
            f"{members.num_rows} panel members are more than {SUBSCRIBERS}.", "Split the network.", "panel.too_many"
        )
    for place, key in enumerate(keyed):
        column = pa.array(_pseudonyms(members["subscriber_id"], key))
        members = members.append_column("pseudonym" if place == 0 else f"extra_{place - 1}", column)
    return members.take(pa.array(np.argsort(members["pseudonym"]))), facts


def withdrawn(
    root: Path,
    *,
    time: Calendar,
    who: Eligibility,
    now: datetime,
    keyed: Sequence[bytes],
    formats: Formats,
    spill: Path | None = None,
) -> list[NDArray[np.uint64]]:
    """Sorted pseudonyms, under each key, of subscribers who withdrew and have no valid consent."""
    found, _ = _from_registers(root, time, who, now, formats, spill, lambda con: find_withdrawn(con, now))
    gone = pa.chunked_array([found], pa.string())
    return [np.sort(_pseudonyms(gone, key)) for key in keyed]


def _from_registers(
    root: Path,
    time: Calendar,
    who: Eligibility,
    now: datetime,
    formats: Formats,
    spill: Path | None,
    ask: Callable[[duckdb.DuckDBPyConnection], T],
) -> tuple[T, RegisterFacts]:
    """An answer from both registers, and what their values are; where memory does not suffice, with more of it."""

    def asked(limit: str, threads: int) -> tuple[T, RegisterFacts]:
        with duckdb_session.connect(limit, threads, spill) as con:
            facts = _load(con, root, time, who, now, formats)
            return ask(con), facts

    for limits in LIMITS[:-1] if spill else ():
        with suppress(StepFailed):  # out of memory
            return asked(*limits)
    return asked(*LIMITS[-1])


def _load(
    con: duckdb.DuckDBPyConnection, root: Path, time: Calendar, who: Eligibility, now: datetime, formats: Formats
) -> RegisterFacts:
    """Both registers as tables `person`, `consent` and `standing`, and what their values are."""
    clock = Clock.over(time.landing, _CLOCKS_FROM, _CLOCKS_FROM.replace(year=now.year + 2))
    subscribers = open_reference_table(find_register(root, "subscribers"), SUBSCRIBER_COLUMNS, OPTIONAL, clock, formats)
    consents = open_reference_table(find_register(root, "consents"), CONSENT_COLUMNS, (), clock, formats)
    of_people, of_consents = subscriber_checks(subscribers, who), consent_checks(consents, who)
    load_people(con, subscribers, of_people)
    load_consents(con, consents, of_consents)
    find_standing(con, who, now)
    columns = column_facts(con, "claim", subscribers, of_people)
    columns += column_facts(con, "consent", consents, of_consents)
    return RegisterFacts(tuple(columns), tuple(consent_notes(con, now)))


def eligible(panel: pa.Table, seconds: int) -> pa.Table:
    """The eligible list of a period of this number of seconds, sorted by pseudonym.

    pseudonym, age_band, gender, and `since` (int32): elapsed seconds of the period at which consent begins. A consent
    given after the period, or after a withdrawal or by the number's next owner, does not cover it.
    """
    since = np.maximum(panel["from_second"].to_numpy(), 0)
    listed = panel.select(["pseudonym", "age_band", "gender"]).append_column("since", pa.array(since))
    return listed.filter(pa.array(since < seconds))


def load_people(con: duckdb.DuckDBPyConnection, subscribers: ReferenceTable, checks: Sequence[ColumnRule]) -> None:
    """View `person`: the present owner of each number; none where two rows claim it since the same time.

    With the flags of `checks`.
    """
    identity = subscribers.text(ID)
    unclear = f"{subscribers.given('active_from')} AND {subscribers.seconds('active_from')} IS NULL"
    select = f"""
        {identity} AS subscriber_id, {sql_text.alike(identity)} AS alike,
        {subscribers.whole("birth_year")} AS birth_year,
        lower({subscribers.text("gender")}) AS gender, {subscribers.text("segment")} AS segment,
        {subscribers.whole("home_mcc")} AS home_mcc, {unclear} AS unclear,
        CAST(coalesce({subscribers.seconds("active_from")}, -1e18) AS BIGINT) AS since, {flags(checks)}
    """
    load(con, subscribers, "claim", select)
    con.execute(
        """
        CREATE TEMP TABLE superseded AS
        WITH repeated AS (SELECT subscriber_id FROM claim GROUP BY subscriber_id HAVING count(*) > 1)
        SELECT claim.rowid AS row FROM claim SEMI JOIN repeated USING (subscriber_id)
        QUALIFY rank() OVER (PARTITION BY subscriber_id ORDER BY since DESC) > 1
            OR count(*) OVER (PARTITION BY subscriber_id, since) > 1
            OR bool_or(unclear) OVER (PARTITION BY subscriber_id);
        CREATE TEMP VIEW person AS
        SELECT * FROM claim ANTI JOIN superseded ON claim.rowid = superseded.row
        WHERE subscriber_id IS NOT NULL AND NOT unclear
        """
    )


def _members(con: duckdb.DuckDBPyConnection, period: Period, time: Calendar, who: Eligibility) -> pa.Table:
    """Subscribers of age, of a counted segment and home country, with a valid consent."""
    query = """
        WITH aged AS (SELECT *, $year - birth_year AS age FROM person)
        SELECT subscriber_id,
            CAST(greatest(-2147483648, least(2147483647, begins - $start)) AS INTEGER) AS from_second,
            CAST(2147483647 AS INTEGER) AS to_second,
            CAST(greatest(0, least(5, (age - 15) // 10)) AS TINYINT) AS age_band,
            CAST(CASE gender WHEN 'f' THEN 0 WHEN 'm' THEN 1 ELSE 2 END AS TINYINT) AS gender
        FROM aged JOIN standing USING (subscriber_id)
        WHERE age > $minimum_age AND age <= $oldest AND list_contains($segments, segment) AND home_mcc = $home_mcc
            AND coalesce(gender, 'x') IN ('f', 'm', 'x')
    """
    parameters = {
        "year": period.first.year,
        "start": int(day_start(period.first, time.local).timestamp()),
        "minimum_age": who.minimum_age,
        "oldest": OLDEST,
        "segments": list(who.segments),
        "home_mcc": who.home_mcc,
    }
    return con.sql(query, params=parameters).to_arrow_table()


def _pseudonyms(subscribers: pa.ChunkedArray, key: bytes) -> NDArray[np.uint64]:
    """Keyed BLAKE2b of each id, 8 bytes as uint64 (RFC 7693); raises StepFailed if two ids collide."""
    keyed = blake2b(key=key, digest_size=8)
    chunks = (each for batch in subscribers.chunks for each in _slices(batch.cast(pa.binary())))
    digests = b"".join(b"".join(_digest(keyed, each) for each in chunk.to_pylist()) for chunk in chunks)
    pseudonyms = np.frombuffer(digests, dtype=">u8").astype(np.uint64)
    ordered = np.sort(pseudonyms)
    if np.any(ordered[1:] == ordered[:-1]):
        raise StepFailed(
            "panel: two subscribers share a pseudonym.",
            "Report it; the period's key must be replaced.",
            "panel.pseudonyms_collide",
        )
    return pseudonyms


def _slices(column: pa.Array) -> Iterator[pa.Array]:
    """Parts of a column that Python holds as objects at the same time."""
    return (column.slice(start, AT_ONCE) for start in range(0, len(column), AT_ONCE))


def _digest(keyed: blake2b, subscriber: bytes) -> bytes:
    """A copy of the keyed state takes half the time of reading the key again."""
    state = keyed.copy()
    state.update(subscriber)
    return state.digest()
