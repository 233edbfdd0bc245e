"""People of stays, with those that events miss: each kind of level is corrected once, and says what is left open."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tasks.estimate.people import PeopleEstimator
from tasks.estimate.spec import CountedLevel, Detection, Dimensions, PublicFacts
from tasks.estimate.stays import FALSE
from tasks.interval import Z90
from tasks.products.dimensions import DAY_PARTS
from tasks.products.dwell import BINS
from tasks.quantity import CountKind
from tests.unit.estimate.test_detection import ALWAYS, SEEN, windows
from tests.unit.estimate.test_people import EVEN, KINDS, MARGINS, ZONES, counted, released

DWELL: Dimensions = {"zone_id": ZONES, "day_part": tuple(DAY_PARTS), "dwell_bin": BINS}
ALL: Mapping[str, CountedLevel] = {
    **KINDS,
    "zone_dwell": counted(DWELL, CountKind.STAYS),
    "zone_visits": counted({"zone_id": ZONES, "arrival": ("today", "before")}, CountKind.STAYS),
}
SPARSE = {**SEEN, "night": 0.7, "evening": 0.7, "afternoon": 0.8, "both": 0.6, "any": 0.9}


def facts(seen: Mapping[str, float], *distinct: str) -> PublicFacts:
    """Of all levels, in a city whose stays are long ones and a few short ones."""
    found = np.zeros((len(ZONES), len(DAY_PARTS), len(BINS)))
    found[:, 1:4, 3:] = 200
    dwell = released({"zone_dwell": (DWELL, found)})
    detection = Detection(windows({**ALWAYS, **seen}), dwell, DWELL, 10)
    levels = {name: replace(of, distinct=name in distinct) for name, of in ALL.items()}
    return replace(EVEN.facts(EVEN.release()), levels=levels, detection=detection)


def people(of: PublicFacts, each: float = 600.0) -> dict[str, np.ndarray]:
    """[people and the ends of its interval, row] of each level."""
    values = {name: np.full([len(keys) for keys in of.dimensions.values()], each) for name, of in ALL.items()}
    values["zone_visits"][:, 1] = 60  # few come twice
    release = released({name: (ALL[name].dimensions, values[name]) for name in ALL})
    made = np.array([np.asarray(column) for column in PeopleEstimator()(release, of).columns.columns])
    level = np.asarray(release["level"])
    return {name: made[:, level == name] for name in ALL}


@pytest.mark.parametrize("level", ALL)
def test_more_people_stand_behind_stays_of_phones_that_are_seldom_heard(level: str) -> None:
    often, seldom, unknown = (
        people(each)[level] for each in (facts({}), facts(SPARSE), replace(facts({}), detection=None))
    )
    assert seldom[0].sum() > 1.05 * often[0].sum()
    assert often[0].sum() == pytest.approx(unknown[0].sum(), rel=0.35)
    assert (seldom[1] <= seldom[0]).all()
    width, of_unknown = ((each[2] - each[1]).sum() / each[0].sum() for each in (often, unknown))
    assert width < of_unknown


def test_trips_of_districts_are_finite_where_noise_hides_all_visits() -> None:
    of = facts({})
    assert of.detection
    dwell = of.detection.dwell
    hidden = dwell.drop_columns(["value"]).append_column("value", [np.full(dwell.num_rows, -5.0)])
    found = people(replace(of, detection=replace(of.detection, dwell=hidden)))
    assert all(np.isfinite(found[level]).all() for level in ALL)


def test_hours_without_a_place_are_made_up_for_once() -> None:
    often, absent = (people(facts(each)) for each in ({}, {"hour": 0.8}))
    for level in ALL:
        assert absent[level][0].sum() == pytest.approx(0.8 * often[level][0].sum())


def test_persons_of_several_days_are_corrected_by_half() -> None:
    one, several = (people(facts(SPARSE, *each))["zone"][0].sum() for each in ((), ("zone",)))
    none = people(facts({}, "zone"))["zone"][0].sum()
    assert none < several < one


def test_found_stays_that_are_not_taken_for_true_ones_stay_unsure() -> None:
    shortest = people(facts({}))["zone_dwell"].reshape(3, len(ZONES), len(DAY_PARTS), len(BINS))[..., 0]
    assert (shortest[0] == 0).all(), "the minimum dwell leaves no such stay"
    assert (shortest[2] > 0).all()


def test_no_more_persons_are_in_a_closed_area_than_live_there() -> None:
    closed, everybody = facts(SPARSE, "zone"), sum(MARGINS.table["residents"].to_pylist())
    capped, opened = (people(replace(closed, closed=each), 30_000)["zone"] for each in (True, False))
    assert opened[2].max() > everybody
    assert capped.max() == pytest.approx(everybody)


def test_a_visit_may_have_another_place_and_another_length_than_it_shows() -> None:
    visits = people(facts({}), 1e6)["zone_dwell"].reshape(3, len(ZONES), len(DAY_PARTS), len(BINS))
    value, _, high = visits[..., BINS.index("240-480")]
    assert (high / value - 1 >= 0.999 * Z90 * np.sqrt(2) * FALSE).all()
