"""Cities of other kinds: closed ones, with another radio network, with a strong bias of opt-in, with a census."""

from collections import Counter, defaultdict
from datetime import date
from statistics import fmean
from typing import Any

import pytest

from tasks.errors import Misconfigured
from tasks.simulate import SimulationPlan

WORLD: dict[str, Any] = {"closed": True, "census": True}


@pytest.fixture
def made(landing: Any) -> Any:
    return landing(**WORLD)


def test_nobody_is_outside_a_closed_city_except_on_the_way(made: Any) -> None:
    assert all(row["zone_id"] for row in made.truth("census/stays/*/*.parquet"))
    assert not any(row["kind"] == "outside_commuter" for row in made.truth("census/homes.parquet"))


def test_the_census_counts_each_adult_with_a_home_in_the_city_once(made: Any) -> None:
    counted = Counter(
        (row["home_zone_id"], row["age_band"], row["gender"])
        for row in made.truth("census/homes.parquet")
        if row["counted"]
    )
    residents = Counter[Any]()
    for row in made.reference("population"):
        residents[row["zone_id"], row["age_band"], row["gender"]] += int(row["residents"])
    assert +residents == counted
    assert not any(row["counted"] and row["kind"] in ("roamer", "device") for row in made.truth("census/homes.parquet"))


def test_the_truth_of_the_census_begins_with_the_subscribers(made: Any) -> None:
    everyone, subscribers = (made.truth(f"{folder}homes.parquet") for folder in ("census/", ""))
    assert len(everyone) == round(len(subscribers) / 0.3)
    assert [row["home_zone_id"] for row in everyone[: len(subscribers)]] == [row["home_zone_id"] for row in subscribers]
    where = {row["subscriber_id"]: row["zone_id"] for row in made.truth("presence/*/*.parquet") if row["hour"] == 12}
    there = {
        row["subscriber_id"]: row["zone_id"] for row in made.truth("census/presence/*/*.parquet") if row["hour"] == 12
    }
    assert len(there) == len(everyone)
    assert [there[row["subscriber_id"]] for row in everyone[: len(where)]] == [
        where[row["subscriber_id"]] for row in subscribers
    ]


def test_another_radio_world_changes_what_is_heard_and_not_what_happens(landing: Any, made: Any) -> None:
    wide = landing(**WORLD, radio="wide")
    assert wide.truth("presence/*/*.parquet") == made.truth("presence/*/*.parquet")
    assert wide.reference("cells") == made.reference("cells")
    cells = [
        Counter(row.cell for path in sorted((each.root / "events").rglob("part-*")) for row in each.rows(path))
        for each in (made, wide)
    ]
    assert (cells[0] & cells[1]).total() < 0.9 * cells[0].total()


def test_a_strong_bias_reaches_from_a_fifth_to_four_fifths_and_keeps_the_mean(landing: Any) -> None:
    rows = landing(subscribers=6000, rate=1.0, opt_in_bias=1.0).truth("homes.parquet")
    may = [row for row in rows if row["kind"] in ("worker", "at_home", "night_worker") and row["age_band"]]
    strata = defaultdict(list)
    for row in may:
        strata[row["age_band"], row["gender"], row["home_district_id"]].append(row["counted"])
    shares = sorted(fmean(each) for each in strata.values() if len(each) > 60)
    assert shares[0] < 0.3
    assert shares[-1] > 0.7
    flat = landing(subscribers=6000, rate=1.0).truth("homes.parquet")
    assert sum(row["counted"] for row in rows) == pytest.approx(sum(row["counted"] for row in flat), rel=0.06)


def test_an_unknown_radio_world_is_refused() -> None:
    with pytest.raises(Misconfigured, match="radio"):
        SimulationPlan(10, 1, date(2026, 3, 3), 1, radio="none")
