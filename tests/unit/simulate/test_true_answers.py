"""True answers for the accuracy tables: complete, and equal to what plain Python makes of the truth."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from tasks.period import day_start
from tasks.products import registry
from tasks.products.detection import PRODUCT as DETECTION
from tests.true_answers import ANSWERS, Truth
from tests.unit.simulate.conftest import SMALL

DAY: date = SMALL["start"]
BEGINS = day_start(DAY, ZoneInfo("Europe/Berlin"))
LEAST = 10


@pytest.fixture(scope="module")
def truth(landing: Any) -> Truth:
    return Truth(landing().root, {}, "Europe/Berlin", LEAST)


def numbers(table: pa.Table, *keys: str) -> Counter[Any]:
    found = Counter[Any]()
    for row in table.to_pylist():
        if all(row[key] is not None for key in keys):
            found[tuple(row[key] for key in keys)] += row["value"]
    return found


def test_every_level_of_every_published_product_has_a_true_answer() -> None:
    """But for detection, which asks nothing about the city: it says how phones are heard."""
    asked = (each for each in registry.published() if each != DETECTION)
    declared = {each.part: {level.name for level in each.released} for each in asked}
    assert {part: set(levels) for part, levels in ANSWERS.items()} == declared


def test_true_persons_of_an_hour_are_those_of_the_truth(landing: Any, truth: Truth) -> None:
    since = {row["subscriber_id"]: row["counted_from"] for row in landing().truth("homes.parquet") if row["counted"]}
    expected = Counter[Any]()
    for row in landing().truth("presence/*/*.parquet"):
        begun = since.get(row["subscriber_id"])
        if row["zone_id"] and begun and begun <= BEGINS:
            expected[row["zone_id"], row["hour_start"]] += 1
    found = truth.answers("footfall.day", DAY, DAY)
    assert numbers(found["zone_hour"], "zone_id", "hour_start") == expected
    assert numbers(found["district_hour_demographic"]) == numbers(found["zone_hour"])


def test_true_visitors_are_those_with_a_stay_of_the_minimum_dwell(landing: Any, truth: Truth) -> None:
    since = {row["subscriber_id"]: row["counted_from"] for row in landing().truth("homes.parquet") if row["counted"]}
    stays = [row for row in landing().truth("stays/*/*.parquet") if row["subscriber_id"] in since]
    long = {
        (row["subscriber_id"], row["zone_id"])
        for row in stays
        if row["zone_id"] and row["left_at"] - row["arrived_at"] >= timedelta(minutes=LEAST)
        if since[row["subscriber_id"]] <= BEGINS
    }
    found = truth.answers("visitors.day", DAY, DAY)
    zones = numbers(found["zone"], "zone_id")
    assert zones.total() >= len(long)  # several short stays in a zone, one after the other, may make a long one
    assert zones.total() - len(long) < 0.02 * len(long)


def test_true_answers_of_one_question_agree(truth: Truth) -> None:
    visits = truth.answers("visitors.day", DAY, DAY)["zone_visits"]
    dwell = truth.answers("dwell.day", DAY, DAY)["zone_dwell"]
    today = Counter(
        {zone: count for (zone, arrival), count in numbers(visits, "zone_id", "arrival").items() if arrival == "today"}
    )
    assert {zone: count for (zone,), count in numbers(dwell, "zone_id").items()} == today
    trips = truth.answers("origin_destination.day", DAY, DAY)
    assert numbers(trips["zone_pair"]) == numbers(trips["district_pair"]) != {}
    assert numbers(trips["outflow"]) == numbers(trips["inflow"])
