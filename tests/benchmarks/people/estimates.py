"""Ways to a number of people: as it is done today, and by the estimator."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from tests.benchmarks.people.worlds import Kept

Estimate = Callable[[Kept, str, pa.Table], tuple[pa.Table, pa.Table]]
"""From a city, a product and its release: persons of the panel there, and people, each with its interval's ends."""
COLUMNS = {"people": "value", "people_low": "low", "people_high": "high"}


def released(kept: Kept, product: str, release: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Released numbers as they are, and times one factor: residents for one person of the panel."""
    residents = pc.sum(pyarrow.csv.read_csv(kept.folder / "population.csv")["residents"]).as_py()
    factor = residents / np.asarray(kept.table("panel")["value"]).sum()
    there = pa.table({name: release[column] for name, column in COLUMNS.items()})
    return there, pa.table({name: pc.multiply(there[name], factor) for name in COLUMNS})


ESTIMATES: dict[str, Estimate] = {"released": released}
