"""How well stays, trips, homes and workplaces are found: `python -m tests.benchmarks.mobility [SUBSCRIBERS] [DAYS]`.

Stays and trips are those of one day; homes and workplaces those of DAYS days from a Monday on. Persons are all
subscribers that are heard, with or without consent; nothing is counted, and nothing drawn.
"""

import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks import policy_file
from tasks.mobility.home_location import HomeRules, Homes, home_location
from tasks.mobility.tables import MONTH_STATE
from tasks.simulate import SimulationPlan, simulate
from tests.simulated_day import SimulatedDay
from tests.true_stays import Score, score
from tests.true_trips import trip_score

POLICY = policy_file.load().policy
FIRST = date(2026, 3, 2)
RESIDENTS = ("worker", "at_home", "student", "night_worker", "outside_commuter")
Bools = npt.NDArray[np.bool_]


def show_stays(found: Score) -> None:
    """Precision and recall of stays, and the error of their dwell."""
    print("| stays of 15 minutes and more | precision | recall |\n|---|---:|---:|")
    for same, words in ((False, "at the right time"), (True, "and in the right zone")):
        print(f"| {words} | {100 * found.precision(same):.1f} % | {100 * found.recall(same):.1f} % |")
    errors = [np.median(abs(found.dwell_errors(inner))) for inner in (False, True)]
    print(f"\nMedian error of a dwell: {errors[0]:.1f} minutes; {errors[1]:.1f} without stays that midnight cuts.")


def show_trips(stays: Score, district: npt.NDArray[np.int32]) -> None:
    """Precision, recall and places of trips, between zones and between districts."""
    print("\n| trips between | precision | recall | both ends right | common part of the matrices |")
    print("|---|---:|---:|---:|---:|")
    for words, place in (("zones", np.arange(len(district))), ("the districts of the zones", district)):
        trips = trip_score(stays, place)
        shares = (trips.precision(), trips.recall(), trips.pairs_right(), trips.overlap())
        print(f"| {words} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")


def show_homes(days: Sequence[SimulatedDay]) -> None:
    """Of each kind of person, the known and the right homes and workplaces."""
    day, least = days[0], len(days)
    states = pa.concat_tables(each.walked([MONTH_STATE])[MONTH_STATE] for each in days)
    states = states.rename_columns(["pseudonym", *states.column_names[1:]])
    rules = HomeRules(POLICY.home.min_night_minutes * least, POLICY.home.min_work_minutes * least)
    homes = home_location(states, day.plans.zones, rules)
    truth = pq.read_table(day.landing / "truth" / "homes.parquet")
    row = np.argsort(day.persons(truth["subscriber_id"]))[homes.pseudonym.astype(np.int64)]
    home, work = (day.zones(truth[name])[row] for name in ("home_zone_id", "work_zone_id"))
    district = np.append(day.plans.zones.district, -1)[home]
    kinds = np.array(truth["kind"].cast(pa.string()).to_pylist())[row]
    print(f"\n{len(days)} days. Shares of persons with a stay:\n")
    print("| kind | persons | home known | right district | right zone | workplace known | right zone |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind in RESIDENTS:
        print(f"| {kind} | {_of_kind(homes, kinds == kind, district, home, work)} |")


def _of_kind(homes: Homes, some: Bools, *true: npt.NDArray[np.int64]) -> str:
    """The number of persons, and the shares that are known, and right of what is known."""
    district, zone, work = ((found[some], place[some]) for found, place in zip(homes[1:], true, strict=True))
    known = [(found >= 0).mean() for found, _ in (district, work)]
    right = [(found == place)[found >= 0].mean() for found, place in (district, zone, work)]
    shares = (known[0], right[0], right[1], known[1], right[2])
    return f"{int(some.sum()):,} | " + " | ".join(f"{100 * share:.1f} %" for share in shares)


def main(subscribers: int, number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        simulate(landing, SimulationPlan(subscribers, number, FIRST, seed=11, zones=60, opt_in=0.6))
        days = [SimulatedDay(landing, FIRST + timedelta(n), POLICY) for n in range(number)]
        stays, _ = score(landing, days[min(1, number - 1)].day, POLICY)
        show_stays(stays)
        show_trips(stays, days[0].plans.zones.district)
        show_homes(days)


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], "20000", "14")[:2]))
