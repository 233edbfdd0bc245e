"""The truth beside the landing folder, for accuracy tests only (docs/reference/simulator.md)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.simulate.city import City
from tasks.simulate.clock import Day, instants
from tasks.simulate.data_defects import DEFECTS, SentRows
from tasks.simulate.files import write_table
from tasks.simulate.itinerary import Itinerary
from tasks.simulate.plan import HOUR, Bools, Ints, SimulationPlan
from tasks.simulate.population import AGE_BANDS, GENDERS, KINDS, People

ACCOUNT = ("kept", "no_consent", *DEFECTS[1:])
"""What becomes of a row, by number."""
KEPT, NO_CONSENT = 0, 1


@dataclass(frozen=True)
class Truth:
    """Writes truth/ of a simulation; ids and zones are written as numbers with their names once a file."""

    folder: Path
    ids: pa.Array
    zone_ids: pa.Array

    def write_presence(self, part: int, first: int, zones: Ints, day: Day) -> None:
        """truth/presence/date=.../part-NN.parquet from [person, hour] zone numbers."""
        people, hours = zones.shape
        hour = np.tile(np.arange(hours), people)
        self._write(
            f"presence/date={day.date}/part-{part:02d}.parquet",
            {
                "subscriber_id": self._ids(first + np.repeat(np.arange(people), hours)),
                "hour_start": day.stamps(hour * HOUR),
                "hour": hour.astype(np.int8),
                "local_hour": day.wall_hours[hour].astype(np.int8),
                "zone_id": self._zones(zones.ravel()),
            },
        )

    def write_itineraries(self, part: int, first: int, city: City, people: People, days: Itinerary, day: Day) -> None:
        """truth/stays/ and truth/trips/ of one part and day."""
        zone, start = city.square_zone[days.place], np.flatnonzero(days.onward)
        subscriber = first + days.person
        at_work = days.place == people.work[days.person]
        activity = np.where(days.place == people.home[days.person], 0, np.where(at_work, 1, 2))
        stays = {
            "subscriber_id": self._ids(subscriber),
            "arrived_at": day.stamps(days.arrive),
            "left_at": day.stamps(days.leave),
            "zone_id": self._zones(zone),
            "activity": pa.DictionaryArray.from_arrays(activity.astype(np.int8), pa.array(["home", "work", "out"])),
        }
        trips = {
            "subscriber_id": self._ids(subscriber[start]),
            "departed_at": day.stamps(days.leave[start]),
            "arrived_at": day.stamps(days.arrive[start + 1]),
            "origin_zone_id": self._zones(zone[start]),
            "destination_zone_id": self._zones(zone[start + 1]),
        }
        self._write(f"stays/date={day.date}/part-{part:02d}.parquet", stays)
        self._write(f"trips/date={day.date}/part-{part:02d}.parquet", trips)

    def write_homes(self, plan: SimulationPlan, city: City, people: People, counts_from: NDArray[np.int64]) -> None:
        """homes.parquet: one row per person; `counts_from` is -1 where somebody never counts."""
        counts = counts_from >= 0
        home, work = city.square_zone[people.home], city.square_zone[people.work]
        district = pa.array(city.district_ids).take(pa.array(city.district[home], mask=home < 0))
        columns = {
            "subscriber_id": self.ids,
            "kind": pa.array(KINDS).take(pa.array(people.kind)),
            "home_zone_id": self._zones(home),
            "home_district_id": district,
            "work_zone_id": self._zones(work),
            "age_band": pa.array(AGE_BANDS).take(pa.array(people.bands(plan.start.year), mask=people.birth_year == 0)),
            "gender": pa.array(GENDERS).take(pa.array(people.gender)),
            "usual_events": people.rate,
            "counted": counts,
            "counted_from": instants(counts_from, ~counts),
        }
        self._write("homes.parquet", columns)

    def write_dirty(self, accounts: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]) -> None:
        """truth/dirty.parquet: per file and reason the rows planted, and the rows an exact account has to show."""
        lines = [
            (name, reason, int(planted[n]), int(expected[n]))
            for name, (planted, expected) in sorted(accounts.items())
            for n, reason in enumerate(ACCOUNT)
        ]
        names = ("file", "reason", "planted", "expected")
        self._write("dirty.parquet", dict(zip(names, zip(*lines, strict=True), strict=True)))

    def _ids(self, numbers: NDArray[Any]) -> pa.DictionaryArray:
        first = int(numbers[0])
        names = self.ids.slice(first, int(numbers[-1]) + 1 - first)
        return pa.DictionaryArray.from_arrays((numbers - first).astype(np.int32), names)

    def _zones(self, zones: Ints) -> pa.DictionaryArray:
        outside = (zones < 0) | (zones >= len(self.zone_ids))
        return pa.DictionaryArray.from_arrays(pa.array(zones, pa.int32(), mask=outside), self.zone_ids)

    def _write(self, name: str, columns: dict[str, Any]) -> None:
        write_table(self.folder / name, pa.table(columns))


def account(
    rows: SentRows, eligible: Bools, counts_from: NDArray[np.int64], day: Day
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows planted and rows expected by the order of judgement, by the numbers of ACCOUNT."""
    defect = rows.defect.astype(np.int64) + (rows.defect > 0)
    planted = np.bincount(defect, minlength=len(ACCOUNT))
    planted[KEPT] = 0
    somebody = rows.person >= 0
    since = counts_from[rows.person]
    member = somebody & eligible[rows.person] & (since >= 0) & (since < day.epoch + day.seconds)
    timeless = rows.have("missing_time", "bad_time", "outside_day", "other_day")
    consenting = member & (timeless | (day.epoch + rows.second >= since))
    judged = ~somebody | rows.have("unreadable_row")
    return planted, np.bincount(np.where(judged | consenting, defect, NO_CONSENT), minlength=len(ACCOUNT))
