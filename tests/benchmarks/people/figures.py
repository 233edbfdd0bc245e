"""Cells of a level in one city: what was released and estimated, beside where panel and people truly were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tasks.products.spec import Level
from tests.benchmarks.accuracy.cells import Bools, Floats
from tests.benchmarks.people.estimates import Estimate
from tests.benchmarks.people.worlds import TRUTHS, Kept

RANGE = ("", "_low", "_high")
_QUERY = """SELECT panel.value AS panel, people.value AS people, {columns}
    FROM figures JOIN panel USING ({keys}) JOIN people USING ({keys})
    WHERE level = '{level}' AND figures.value IS NOT NULL AND panel.value >= 30"""


@dataclass(frozen=True)
class Figures:
    """One number a cell: the truth of both kinds, the noise's standard error, and both estimates with their ends."""

    panel: Floats
    people: Floats
    se: Floats
    there: Floats
    there_low: Floats
    there_high: Floats
    estimate: Floats
    estimate_low: Floats
    estimate_high: Floats

    def only(self, some: Bools) -> "Figures":
        """These cells."""
        return Figures(*(column[some] for column in vars(self).values()))


def joined(many: Sequence[Figures]) -> Figures:
    """Cells of several cities."""
    return Figures(*(np.concatenate(columns) for columns in zip(*(vars(each).values() for each in many), strict=True)))


def figures(
    kept: Kept, product: str, levels: Sequence[Level], noise: str, of: Estimate
) -> Iterator[tuple[str, Figures]]:
    """Each level's cells with 30 panel persons and more truly there."""
    release = kept.release(product, noise)
    there, people = of(kept, product, noise)
    columns: dict[str, Any] = {f"there{end}": there[f"people{end}"] for end in RANGE}
    columns |= {f"estimate{end}": people[f"people{end}"] for end in RANGE}
    table = pa.table({**{name: release[name] for name in release.column_names}, **columns})
    truths = {who: kept.truth(product, who) for who in TRUTHS}
    for level in levels:
        yield level.name, _joined(table, {who: truth[level.name] for who, truth in truths.items()}, level, [*columns])


def _joined(table: pa.Table, truth: dict[str, pa.Table], level: Level, columns: Sequence[str]) -> Figures:
    query = _QUERY.format(
        columns=", ".join(["se", *columns]),
        keys=", ".join(each.name for each in level.dimensions),
        level=level.name,
    )
    with duckdb.connect() as con:
        for name, each in (("figures", table), *truth.items()):
            con.register(name, each)
        found = con.execute(query).fetchnumpy()
    return Figures(*(np.ma.filled(np.asarray(column, np.float64), np.nan) for column in found.values()))
