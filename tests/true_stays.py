"""Stays as people lived them beside stays as the kernel finds them, in a simulated landing (format native).

Zones are all that events show: true stays in one zone, one after the other, are one stay.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import CellArrays, WalkRules
from tasks.mobility.stays import Stays, find_stays
from tasks.mobility.tables import PRESENCE
from tasks.policy import Policy
from tests.simulated_day import SimulatedDay

Int64 = npt.NDArray[np.int64]
DAY_SECONDS = 86_400
LEAST = 900
"""Shorter stays are not judged."""


class Places(NamedTuple):
    """Stays of one day in order of (person, start): person and zone by number (-1 outside), and seconds."""

    person: Int64
    zone: Int64
    start: Int64
    end: Int64

    def only(self, some: npt.NDArray[np.bool_]) -> "Places":
        """These stays."""
        return Places(*(column[some] for column in self))

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """Which stays lie in a zone and are long enough."""
        return (self.zone >= 0) & (self.end - self.start >= LEAST)


@dataclass(frozen=True)
class Score:
    """How well stays are found. A found stay and a true one match if they share more than half of their joint time.

    Found stays outside all zones match none.
    """

    true: Places
    found: Places

    @cached_property
    def match(self) -> Int64:
        """The true stay that each found one matches, or -1."""
        match, best = np.full(len(self.found.person), -1), np.full(len(self.found.person), 0.5)
        first = np.searchsorted(self._key(self.true.end), self._key(self.found.start, self.found.person), "right")
        for later in range(16):
            other = np.minimum(first + later, len(self.true.person) - 1)
            starts, ends = (np.stack([self.found[n], self.true[n][other]]) for n in (2, 3))
            shared = (ends.min(0) - starts.max(0)) / (ends.max(0) - starts.min(0))
            better = (self.true.person[other] == self.found.person) & (shared > best)
            match, best = np.where(better, other, match), np.where(better, shared, best)
        return np.where(self.found.zone >= 0, match, -1)

    def _key(self, second: Int64, person: Int64 | None = None) -> Int64:
        return (self.true.person if person is None else person) * 2 * DAY_SECONDS + second

    def precision(self, same_zone: bool = False) -> float:
        """The share of found stays that are true ones."""
        return float(self._right(same_zone)[self.found.judged].mean())

    def recall(self, same_zone: bool = False) -> float:
        """The share of true stays that are found."""
        met = np.zeros(len(self.true.person), bool)
        met[self.match[self._right(same_zone)]] = True
        return float(met[self.true.judged].mean())

    def _right(self, same_zone: bool) -> npt.NDArray[np.bool_]:
        right: npt.NDArray[np.bool_] = self.match >= 0
        return right & (self.found.zone == self.true.zone[self.match]) if same_zone else right

    def dwell_errors(self, inner: bool = False) -> npt.NDArray[np.float64]:
        """Found minus true minutes of matches; `inner`: only of stays that midnight does not cut."""
        both = (self.match >= 0) & self.true.judged[self.match]
        both &= not inner or (self.found.start > 0) & (self.found.end < DAY_SECONDS)
        true = self.true.only(self.match[both])  # type: ignore[arg-type]
        return np.asarray((self.found.end - self.found.start)[both] - (true.end - true.start), np.float64) / 60


def score(landing: Path, day: date, policy: Policy) -> tuple[Score, Places]:
    """The score of a day over all subscribers that are heard, and the true stays of all subscribers."""
    one, found = SimulatedDay(landing, day, policy), list[Stays]()

    def kernel(keys: Int64, cells: CellArrays, rules: WalkRules) -> dict[str, pa.Table]:
        found.append(find_stays(keys, cells, rules))
        return {"stays": pa.table({})}

    one.walked([replace(PRESENCE, name="stays", kernel=kernel)])
    true, heard = _true(one), np.unique(one.keys >> SUBSCRIBER_SHIFT)
    stays = Places(*(column.astype(np.int64) for column in found[0][:4]))
    return Score(true.only(np.isin(true.person, heard)), stays), true


def _true(day: SimulatedDay) -> Places:
    table = pq.read_table(day.landing / "truth" / "stays" / f"date={day.day}")
    person, zone = day.persons(table["subscriber_id"]), day.zones(table["zone_id"])
    begin, end = day.seconds(table["arrived_at"]), day.seconds(table["left_at"])
    order = np.lexsort((begin, person))
    person, zone, begin, end = (column[order] for column in (person, zone, begin, end))
    first = np.append(True, (person[1:] != person[:-1]) | (zone[1:] != zone[:-1]))
    last = np.append(first[1:], True)
    return Places(person[first], zone[first], begin[first], end[last])
