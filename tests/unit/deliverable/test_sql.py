"""SQL beside a delivery: what runs here runs, and what does not is well-formed in its dialect."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from tasks.period import Cadence, Period
from tests.unit.deliverable.factories import document, grant_view, release_view, rendered, revision, text
from tests.unit.deliverable.test_other_products import RELEASE as TRIPS

DAY, NEXT = rendered(), rendered(release_view(date(2026, 3, 3)))
SMALLER = rendered(grant=grant_view("Z01"), delivery=revision(DAY))
"""The first day again, with one of four zones and no district."""
DIALECTS = ("athena", "bigquery", "duckdb", "snowflake", "spark")
BARE = {
    "snowflake": {"value", "metadata$filename"},
    "duckdb": {
        "hive_partitioning",
        "hive_types",
        "union_by_name",
        "cadence",
        "dt",
        "revision",
        "varchar",
        "date",
        "bigint",
    },
}
"""Words of a dialect that are not names of tables or columns."""
UNKNOWN = ("MSCK REPAIR TABLE", "ALTER EXTERNAL TABLE", "CREATE OR REPLACE EXTERNAL TABLE `DATASET`")
"""Statements that sqlglot cannot parse."""


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A client's prefix with two days, one of them revised."""
    for delivery in (DAY, NEXT, SMALLER):
        for name, content in delivery.files.items():
            path = tmp_path / delivery.path.product_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return tmp_path


def test_the_view_of_duckdb_holds_the_newest_revision_of_each_period_whole(client: Path) -> None:
    """Rows that the revision removed are gone: it is chosen by period, not by key."""
    with duckdb.connect() as database:
        database.execute(text(SMALLER, "sql/duckdb.sql").replace("s3://BUCKET/PREFIX", str(client)))
        by_day = "SELECT dt, revision, count(*), count(DISTINCT zone_id) FROM {} GROUP BY ALL ORDER BY ALL"
        first, second = date(2026, 3, 2), date(2026, 3, 3)
        every = database.execute(by_day.format("footfall_zone_hour")).fetchall()
        assert every == [(first, 1, 96, 4), (first, 2, 24, 1), (second, 1, 96, 4)]
        newest = database.execute(by_day.format("footfall_zone_hour_newest")).fetchall()
        assert newest == [(first, 2, 24, 1), (second, 1, 96, 4)]
        (districts,) = database.sql(
            "SELECT count(DISTINCT dt) FROM footfall_district_hour_demographic_newest"
        ).fetchall()
        assert districts == (1,)


def test_duckdb_reads_a_folder_whose_earlier_files_lack_columns(client: Path) -> None:
    (early,) = client.glob("footfall/*/data/zone_hour/*/dt=2026-03-02/revision=1/*.parquet")
    pq.write_table(pq.ParquetFile(early).read().drop_columns(["people", "people_low", "people_high"]), early)
    with duckdb.connect() as database:
        database.execute(text(NEXT, "sql/duckdb.sql").replace("s3://BUCKET/PREFIX", str(client)))
        rows = database.execute("SELECT count(*), count(people) FROM footfall_zone_hour").fetchone()
    assert rows == (216, 0)


def test_views_of_weeks_and_of_days_over_one_folder_are_two(tmp_path: Path) -> None:
    week = replace(release_view(), period=Period.holding(Cadence.WEEK, date(2026, 3, 2)))
    weekly = rendered(week, delivery=revision(DAY))
    for delivery in (DAY, weekly):
        for name, content in delivery.files.items():
            path = tmp_path / delivery.path.product_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    with duckdb.connect() as database:
        for delivery in (DAY, weekly):
            database.execute(text(delivery, "sql/duckdb.sql").replace("s3://BUCKET/PREFIX", str(tmp_path)))
        for view, found in (("footfall", ("day", 1)), ("footfall_week", ("week", 2))):
            newest = database.execute(f"SELECT DISTINCT cadence, revision FROM {view}_zone_hour_newest").fetchall()
            assert newest == [found]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_file_split_at_its_semicolons_gives_its_statements(dialect: str) -> None:
    """So that drivers that take one statement at a time run a file: no comment or text holds a semicolon."""
    content = text(DAY, f"sql/{dialect}.sql")
    parts = [one for one in content.split(";") if one.strip()]
    assert len(parts) == len([one for one in sqlglot.parse(content, read=dialect) if isinstance(one, exp.Expression)])
    code = ["\n".join(line for line in one.splitlines() if not line.startswith("--")).split() for one in parts]
    assert {words[0] for words in code} <= {"CREATE", "ALTER", "MSCK"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("release", "prefix"), [(release_view(), "footfall"), (TRIPS, "trips_week")])
def test_every_dialect_has_a_table_and_a_view_of_each_table_with_quoted_names(
    release: Any, prefix: str, dialect: str
) -> None:
    delivery = rendered(release)
    content = document(delivery, f"sql/{dialect}.sql").decode()
    parsed = [one for one in sqlglot.parse(content, read=dialect) if one]
    unknown = [one.sql(comments=False) for one in parsed if isinstance(one, exp.Command)]
    assert all(statement.startswith(UNKNOWN) for statement in unknown)
    views = [one.this.name.lower() for one in parsed if isinstance(one, exp.Create) and one.kind == "VIEW"]
    assert {f"{prefix}_{name}_newest" for name in delivery.tables} <= {*views}
    for one in (one for one in parsed if not isinstance(one, exp.Command)):
        bare = {name.name.lower() for name in one.find_all(exp.Identifier) if not name.quoted}
        assert bare <= {"delivered", "newest", *BARE.get(dialect, ())}
