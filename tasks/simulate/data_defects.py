"""Rows that must not be used among the clean ones, and the exact account of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.simulate.city import OUTSIDE
from tasks.simulate.clock import Day
from tasks.simulate.network import RadioNetwork
from tasks.simulate.plan import Bools, Ints, SimulationPlan
from tasks.simulate.signals import Signals

DEFECT_SHARES = {
    "unreadable_row": 0.04,
    "missing_subscriber": 0.07,
    "missing_time": 0.06,
    "bad_time": 0.06,
    "outside_day": 0.06,
    "other_day": 0.12,
    "missing_cell": 0.06,
    "unknown_cell": 0.07,
    "expired_cell": 0.06,
    "bad_plmn": 0.04,
    "conflicting_place": 0.08,
    "duplicate": 0.2,
    "impossible_speed": 0.08,
}
DEFECTS = ("", *DEFECT_SHARES)
"""Defects by number; 0 is a clean row."""
NOBODY = NOWHERE = -1
UNKNOWN_CELLS = 5
"""The number of ids that events have and no cell plan has."""
BLOCK = 4
DAY = 86_400


@dataclass(frozen=True)
class SentRows:
    """Rows of one event file in any order. `second` is elapsed since the day's start, also before 0 and past the end.

    `person` -1: no subscriber; `cell` -1: no cell, from the plan's size on: an id unknown to it. A clean row that is
    set aside because of a planted one (conflicting_place) carries the defect, too.
    """

    person: Ints
    second: NDArray[np.int64]
    cell: Ints
    event_type: NDArray[np.uint8]
    defect: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.defect)

    def have(self, *defects: str) -> Bools:
        """Which rows have one of these defects."""
        return among(self.defect, *defects)

    def only(self, rows: Bools | NDArray[np.int64]) -> "SentRows":
        """These rows, in this order."""
        return SentRows(self.person[rows], self.second[rows], self.cell[rows], self.event_type[rows], self.defect[rows])


def among(numbers: NDArray[np.int8], *defects: str) -> Bools:
    """Which of the numbers stand for one of these defects."""
    return np.isin(numbers, [DEFECTS.index(defect) for defect in defects])


def add_defects(
    plan: SimulationPlan, network: RadioNetwork, clean: Signals, usable: Bools, day: Day, rng: np.random.Generator
) -> SentRows:
    """Clean rows and the plan's share of defective ones; `usable` [person]: may be drawn upon (consent is settled)."""
    base = _bases(clean, usable, round(plan.dirty / (1 - plan.dirty) * len(clean.person)), rng)
    defect = rng.choice(np.arange(1, len(DEFECTS)), len(base), p=list(DEFECT_SHARES.values())).astype(np.int8)
    defect[among(defect, "impossible_speed") & ~_close_pair(clean, base)] = DEFECTS.index("duplicate")
    second = clean.second[base].astype(np.int64) + _shift(defect, clean.second[base], day, rng)
    person = np.where(among(defect, "missing_subscriber"), NOBODY, clean.person[base]).astype(np.int32)
    of_clean = np.zeros(len(clean.person), np.int8)
    of_clean[base[among(defect, "conflicting_place")]] = DEFECTS.index("conflicting_place")
    return SentRows(
        np.concatenate([clean.person, person]),
        second=np.concatenate([clean.second.astype(np.int64), second]),
        cell=np.concatenate([clean.cell, _wrong_cells(network, clean, base, defect, rng)]),
        event_type=np.concatenate([clean.event_type, clean.event_type[base]]),
        defect=np.concatenate([of_clean, defect]),
    )


def _bases(clean: Signals, usable: Bools, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One row of every chosen block of four: what is planted at one never touches what is planted at another."""
    row = np.arange(1, len(clean.person) - 2, BLOCK)
    row = row[usable[clean.person[row]]]
    return np.sort(rng.choice(row, min(count, len(row)), replace=False))


def _close_pair(clean: Signals, base: NDArray[np.int64]) -> Bools:
    """Whether the same person's next row is long enough after this one for an impossible trip."""
    gap = clean.second[base + 1] - clean.second[base]
    return np.asarray((clean.person[base + 1] == clean.person[base]) & (gap >= 2) & (gap <= 150))


def _shift(defect: NDArray[np.int8], second: Ints, day: Day, rng: np.random.Generator) -> NDArray[np.int64]:
    """How far from its base row's time a planted row is."""
    late, early = -second - rng.integers(1, 1800, len(defect)), day.seconds - second + rng.integers(0, 600, len(defect))
    other_day = np.where(rng.random(len(defect)) < 0.8, late, early)
    away = DAY * rng.integers(4, 400, len(defect)) * rng.choice([-1, 1], len(defect), p=[0.9, 0.1])
    choices = [among(defect, name) for name in ("other_day", "outside_day", "impossible_speed")]
    return np.select(choices, [other_day, away, np.ones(len(defect), np.int64)], 0)


def _wrong_cells(
    network: RadioNetwork, clean: Signals, base: NDArray[np.int64], defect: NDArray[np.int8], rng: np.random.Generator
) -> Ints:
    cell, size = clean.cell[base], len(base)
    x, y = network.metres[cell].T
    known = len(network.cell_ids)
    wrong = {
        "missing_cell": np.full(size, NOWHERE),
        "unknown_cell": known + rng.integers(0, UNKNOWN_CELLS, size),
        "expired_cell": network.valid + rng.integers(0, network.retired, size),
        "conflicting_place": _elsewhere(network, cell, rng),
        "impossible_speed": network.far[(x < 0) + 2 * (y < 0)],
    }
    return np.asarray(np.select([among(defect, name) for name in wrong], list(wrong.values()), cell), np.int32)


def _elsewhere(network: RadioNetwork, cell: Ints, rng: np.random.Generator) -> Ints:
    """For each cell one of another district: a random step past its own, with all cells in a ring by district."""
    inside = np.flatnonzero(network.district[: network.valid] != OUTSIDE)
    ring = inside[np.argsort(network.district[inside], kind="stable")]
    first, last = (np.searchsorted(network.district[ring], network.district[cell], side) for side in ("left", "right"))
    step = rng.integers(0, len(ring) - (last - first))
    return np.asarray(ring[(last + step) % len(ring)], np.int32)
