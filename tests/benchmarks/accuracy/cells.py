"""Cells of a level: the true number beside the noise-free one and the drawn one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.privacy.release_table import ESTIMATE, UNBIASED, WITHHELD_SMALL
from tasks.products.spec import Level
from tests.benchmarks.accuracy.draws import Pair

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
VALUE, SHARE = ("value", "low", "high"), ("share", "share_low", "share_high")

_CELLS = """SELECT coalesce(truth.value, 0) AS true, coalesce(truth.size, 0) AS size, plain.{value} AS plain,
        noisy.{value} AS noisy, noisy.{low} AS low, noisy.{high} AS high, noisy.status = '{small}' AS withheld
    FROM noisy JOIN plain USING ({keys}) {join} JOIN truth USING ({keys})
    WHERE noisy.level = '{level}' AND plain.level = '{level}' AND noisy.status IN ('{estimate}', '{small}')
        AND noisy.{value} IS NOT NULL AND plain.{value} IS NOT NULL {shown}"""


@dataclass(frozen=True)
class Cells:
    """One row a key that has a number before small ones are withheld."""

    true: Floats
    size: Floats
    """The true number behind a value: itself, if it is a count."""
    plain: Floats
    noisy: Floats
    low: Floats
    high: Floats
    withheld: Floats

    def __len__(self) -> int:
        return len(self.true)

    def only(self, some: Bools) -> "Cells":
        """These cells."""
        return Cells(*(column[some] for column in vars(self).values()))

    @property
    def covered(self) -> Bools:
        """Whether each interval holds the number without noise."""
        return np.asarray((self.low <= self.plain + 1e-9) & (self.plain <= self.high + 1e-9))


def joined(many: Sequence[Cells]) -> Cells:
    """Cells of several periods."""
    return Cells(*(np.concatenate(columns) for columns in zip(*(vars(each).values() for each in many), strict=True)))


def cells(level: Level, pair: Pair, truth: pa.Table) -> Cells:
    """Numbers of a level; where the truth has no row, a count is 0 and any other number is left out."""
    sized = truth if "size" in truth.column_names else truth.append_column("size", truth["value"])
    return _cells(level, _unbiased(pair), sized, VALUE, "LEFT" if level.quantity.counts else "")


def shares(level: Level, pair: Pair, truth: pa.Table) -> Cells:
    """Shares of a level in percent, of keys that show one; `size` is the true total of which they are shares."""
    whole = f"sum(value) OVER (PARTITION BY {', '.join(level.share_within)})"
    with duckdb.connect() as con:
        query = f"SELECT * REPLACE (value / {whole} AS value), {whole} AS size FROM truth"
        con.register("truth", truth)
        of_total = con.sql(query).to_arrow_table()
    of_one = _cells(level, pair, of_total, SHARE, "")
    percent = {name: 100 * getattr(of_one, name) for name in ("true", "plain", "noisy", "low", "high")}
    return replace(of_one, **percent)


def _cells(level: Level, pair: Pair, truth: pa.Table, names: tuple[str, str, str], join: str) -> Cells:
    hidden = {each.name: each.hidden for each in level.dimensions if each.hidden}
    query = _CELLS.format(
        **dict(zip(("value", "low", "high"), names, strict=True)),
        small=WITHHELD_SMALL,
        estimate=ESTIMATE,
        level=level.name,
        keys=", ".join(each.name for each in level.dimensions),
        join=join,
        shown=" ".join(f"AND {name} NOT IN ({', '.join(map(repr, values))})" for name, values in hidden.items()),
    )
    with duckdb.connect() as con:
        for name, table in (("noisy", pair.noisy), ("plain", pair.plain), ("truth", truth)):
            con.register(name, table)
        found = con.execute(query).fetchnumpy()
    return Cells(*(np.asarray(column, np.float64) for column in found.values()))


def _unbiased(pair: Pair) -> Pair:
    """Without noise, values before inequalities: the statistic itself."""
    if UNBIASED not in pair.plain.column_names:
        return pair
    with duckdb.connect() as con:
        query = f"SELECT * REPLACE (coalesce({UNBIASED}, value) AS value) FROM plain"
        con.register("plain", pair.plain)
        return Pair(pair.noisy, con.sql(query).to_arrow_table())
