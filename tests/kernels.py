"""`python -m tests.kernels`: every kernel, compiled or taken from the cache, which all processes share."""

from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from tasks.events.csv_rows import Csv, csv_rows
from tasks.mobility.day import CellArrays, walk_rules
from tasks.mobility.evidence import evidence
from tasks.mobility.neighbours import neighbour_reach
from tasks.mobility.tables import DETECTION, PRESENCE, STAYS
from tasks.mobility.walk import walk_partition
from tasks.period import Period
from tasks.policy_file import load


def load_kernels() -> None:
    """Walk nobody's day, and read a file of one line."""
    none, real = np.empty(0, np.int32), np.empty(0)
    nowhere = CellArrays(none, real, real, real, real, evidence(none), neighbour_reach(real, real))
    rules = walk_rules(load().policy, Period.parse("2026-03-03").first, 16384)
    walk_partition(np.empty(0, np.int64), nowhere, rules, (DETECTION, PRESENCE, STAYS))
    with NamedTemporaryFile(suffix=".csv") as file:
        file.write(b"a\nb\n")
        file.flush()
        list(csv_rows(Path(file.name), Csv(1), [0]))


if __name__ == "__main__":
    load_kernels()
