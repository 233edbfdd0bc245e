"""Prefect's own SQLite file: what it holds, and days that pass for what is in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.integration.soak.measures import Sample, size

DATED = {"flow_run": "end_time", "events": "occurred", "event_resources": "occurred"}
"""By which moment of its rows the server judges how old they are."""


def of_prefect(home: Path) -> Sample:
    """The file's size, how much of it is in use, and how many rows of what is there most."""
    file = home / "prefect.db"
    with _opened(file) as database:
        free, page = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size"))
        rows = {f"{table} rows": float(_count(database, table)) for table in ("flow_run", "log", "artifact", "events")}
    used = size(file) - free * page / 1024
    others = sum(path.is_file() for path in home.rglob("*"))
    return {"prefect kB": size(file), "in use kB": used, "prefect files": others, **rows}


def age(home: Path, days: float) -> None:
    """Let days pass for whatever has ended or happened."""
    with _opened(home / "prefect.db") as database, database:
        for table, moment in DATED.items():
            earlier = f"strftime('%Y-%m-%d %H:%M:%f', {moment}, '-{days:.4f} days') || '000'"
            database.execute(f"UPDATE {table} SET {moment} = {earlier} WHERE {moment} IS NOT NULL")


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, timeout=60)) as database:
        yield database


def _count(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
