"""The same simulated events in every format and file form give the same releases before noise."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.ingest import Ingest
from tasks.privacy.bounds import Integers
from tasks.products.registry import lake_tables
from tasks.settings import Settings
from tasks.simulate import SimulationPlan, simulate
from tasks.store import Stores, open_stores
from tasks.store.ledger import ReleaseKey
from tests.plain_validator import plain
from tests.publisher import publisher

DAY = date(2026, 3, 3)
FORMS = [
    ("native", "parquet"),
    ("native", "csv"),
    ("native", "csv.gz"),
    ("native", "csv.zst"),
    ("eurostat", "parquet"),
    ("eurostat", "csv.gz"),
    ("flowkit", "csv"),
    ("flowkit", "csv.zst"),
    ("flowkit", "parquet"),
]


class Above:
    """No noise, but every value is far above its threshold, so that none is withheld."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        return np.full(size, 10_000 * unit, dtype=np.int64)


Persons = list[tuple[tuple[int, ...], ...]]
"""Each person's rows, in an order that knows no pseudonym."""


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Persons], pa.Table]:
    return _way(tmp_path_factory.mktemp("native"), *FORMS[0])


@pytest.mark.parametrize(("format", "container"), FORMS[1:])
def test_every_format_and_file_form_gives_the_same_rows_to_every_product(
    native: tuple[dict[str, Persons], pa.Table], tmp_path: Path, format: str, container: str
) -> None:
    persons, release = _way(tmp_path, format, container)
    assert sorted(persons) == [table.name for table in lake_tables()]
    assert {name for name, rows in persons.items() if len(rows) <= 20} == set()
    assert persons == native[0]
    assert release.equals(native[1])


def _way(root: Path, format: str, container: str) -> tuple[dict[str, Persons], pa.Table]:
    """Everybody's day in each table of the lake, and a release."""
    plan = SimulationPlan(300, 1, DAY, 3, zones=12, rate=30, dirty=0.0, format=format, container=container)
    simulate(root / "landing", plan)
    stores = open_stores(Settings(home=root / "home", landing=str(root / "landing")))
    day = Ingest(stores, Above(), validator=plain)(DAY)
    ref = publisher(stores, Above())("footfall", str(DAY))
    table = stores.lake.release(ReleaseKey(ref.product, ref.version, ref.period, ref.revision), ref.sha256).table
    assert set(table["status"].to_pylist()) == {"estimate"}
    return {each.name: _persons(stores, day.generation, each.name) for each in lake_tables()}, table


def _persons(stores: Stores, generation: int, name: str) -> Persons:
    files = stores.catalog.lake_files({DAY: generation})
    table = pa.concat_tables(stores.lake.rows(file) for file in files if file.table == name)
    days: dict[int, list[tuple[int, ...]]] = {}
    for pseudonym, *row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        days.setdefault(pseudonym, []).append(tuple(row))
    return sorted(tuple(sorted(day)) for day in days.values())
