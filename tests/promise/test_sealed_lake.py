"""Who holds every byte of the lake, or of its backup, and no key, learns sizes and finds nobody."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import combinations_with_replacement
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import StorageUnavailable
from tasks.events.formats import shipped
from tasks.events.panel import read_panel
from tasks.mobility.tables import STAYS
from tasks.period import Period
from tasks.products.registry import lake_tables
from tasks.store import Stores
from tasks.store.lake import LakeFile
from tests.promise.conftest import Way
from tests.promise.landing import Row, consent, person, write_events, write_people

DAY, MONTH = date(2026, 3, 3), Period.month(date(2026, 3, 1))
PERIODS = (Period.day(DAY), Period.week(DAY), MONTH)
NIGHT = (0, 1, 2, 3, 4, 5, 22, 23)
NIGHT_SECONDS = ((0, 6 * 3600), (22 * 3600, 24 * 3600))
WAYS = list(combinations_with_replacement(range(4), len(NIGHT)))[::3]
PEOPLE = [f"49170555{number:04d}" for number in range(len(WAYS))]


def nights(number: int) -> list[Row]:
    """Everybody divides the night between the zones in a way of their own."""
    hours = zip(NIGHT, WAYS[number], strict=True)
    return [(PEOPLE[number], f"{DAY}T{hour:02d}:05:00+01:00", f"c{zone}", "call") for hour, zone in hours]


def ingested(way: Way) -> Stores:
    """A day of people who move at night, and their footfall published."""
    write_people(way.landing, [person(one) for one in PEOPLE], [consent(one) for one in PEOPLE])
    write_events(way.landing, DAY, [row for number in range(len(PEOPLE)) for row in nights(number)])
    way.ingest(DAY)
    way.publish("footfall", str(DAY))
    return way.stores()


def link(tables: Iterable[pa.Table]) -> dict[int, int]:
    """The attack: day pseudonyms whose zones and night minutes only one month pseudonym has."""
    by_day, by_month = defaultdict[int, Counter[int]](Counter), defaultdict[int, Counter[int]](Counter)
    for table in tables:
        for row in table.to_pylist():
            if table.column_names == STAYS.schema.names:
                by_day[row["pseudonym"]][row["zone"]] += night_minutes(row["start"], row["end"])
            if "pseudonym" in row and "night_minutes" in row:
                by_month[row["pseudonym"]][row["zone"]] += row["night_minutes"]
    found = defaultdict[frozenset[tuple[int, int]], list[int]](list)
    for pseudonym, zones in by_month.items():
        found[frozenset(zones.items())].append(pseudonym)
    matches = {pseudonym: found[frozenset(zones.items())] for pseudonym, zones in by_day.items()}
    return {pseudonym: months[0] for pseudonym, months in matches.items() if len(months) == 1}


def night_minutes(start: int, end: int) -> int:
    """Minutes of a stay at night."""
    return sum(max(0, min(end, until) - max(start, begin)) for begin, until in NIGHT_SECONDS) // 60


def tables_in(content: bytes) -> list[pa.Table]:
    """Every Parquet table that begins anywhere in the bytes."""
    found = []
    for start in (match.start() for match in re.finditer(b"PAR1", content)):
        try:
            found.append(pq.ParquetFile(pa.BufferReader(content[start:])).read())
        except (pa.ArrowException, OSError):
            continue
    return found


def truth(way: Way, stores: Stores) -> dict[int, int]:
    """Each day pseudonym's month pseudonym, as only the keys tell."""
    policy = stores.policy.policy
    keyed = [stores.pseudonym_keys.existing(Period.day(DAY)), stores.pseudonym_keys.existing(MONTH)]
    day = Period.day(DAY)
    panel, _ = read_panel(
        way.landing, period=day, time=policy.time, who=policy.who, now=way.now, keyed=keyed, formats=shipped()
    )
    return dict(zip(panel["pseudonym"].to_pylist(), panel["extra_0"].to_pylist(), strict=True))


def in_the_clear(stores: Stores) -> list[pa.Table]:
    files = stores.catalog.lake_files({DAY: 1})
    return [stores.lake.rows(file) for file in files if file.period]


def bytes_of(root: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_lakes_bytes_alone_link_nobody_and_hold_no_pseudonym_and_no_number(way: Way) -> None:
    stores = ingested(way)
    own, unsealed = truth(way, stores), in_the_clear(stores)
    linked = link(unsealed)
    assert len(linked) > 20, "the attack works where rows are readable, else it shows nothing"
    assert linked.items() <= own.items(), "and each link that it makes is right"

    lake = bytes_of(stores.settings.lake_root)
    readable = [table for content in lake.values() for table in tables_in(content)]
    assert readable, "releases and quarantine are no secret to who has the lake"
    assert not [table for table in readable if "pseudonym" in table.column_names]
    assert link(readable) == {}
    names = [number.to_bytes(8, order) for pair in own.items() for number in pair for order in ("little", "big")]
    names += [str(number).encode() for pair in own.items() for number in pair] + [one.encode() for one in PEOPLE]
    plain = b"".join(pq_bytes(table) for table in unsealed)
    assert [name for name in names if name in plain], "the search finds what is there"
    assert not [file for file, content in lake.items() if any(name in content for name in names)]


def test_a_files_rows_are_under_the_data_key_of_their_own_period(way: Way) -> None:
    stores = ingested(way)
    keys = {stores.data_keys.existing(period) for period in PERIODS}
    pseudonym_keys = {stores.pseudonym_keys.existing(period) for period in PERIODS}
    assert len(keys | pseudonym_keys) == 6
    files = stores.catalog.lake_files({DAY: 1})
    for period in PERIODS:
        path = way.root / "home" / "keys" / "data" / f"{period.cadence}-{period}.key"
        key = path.read_bytes()
        path.write_bytes(bytes(32))
        of_period = {file.table for file in files if file.period == period}
        assert {file.table for file in files if not opens(stores, file)} == of_period
        assert of_period == {table.name for table in lake_tables() if table.pseudonym is period.cadence}
        path.write_bytes(key)


def opens(stores: Stores, file: LakeFile) -> bool:
    try:
        return file.period is None or len(stores.lake.rows(file)) > 0
    except StorageUnavailable:
        return False


def pq_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    return bytes(sink.getvalue())
