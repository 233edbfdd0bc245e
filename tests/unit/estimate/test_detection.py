"""What stands for a found stay, visitor or trip, by place, from releases of detection and of dwell."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tasks.estimate.detection import Detected, Shown, nearest, times
from tasks.estimate.grid import Grid, grid
from tasks.estimate.scale import Factors
from tasks.estimate.spec import Detection, Dimensions
from tasks.estimate.unfold import Unfolded
from tasks.mobility.windows import TIMES, WINDOWS
from tasks.products.detection import SHOWN
from tasks.products.dimensions import DAY_PARTS
from tasks.products.dwell import BINS
from tests.unit.estimate.test_people import released

Array = np.ndarray
ZONES = ("Z1", "Z2", "Z3")
DISTRICT = np.array([0, 0, 1])
DWELL: Dimensions = {"zone_id": ZONES, "day_part": tuple(DAY_PARTS), "dwell_bin": BINS}
PERSONS = 1_000
SEEN = {"15-30": 0.2, "30-60": 0.5, "60-120": 0.95, "120-240": 1.0, "240-480": 1.0, "480+": 1.0}
ALWAYS = dict.fromkeys(WINDOWS, 1.0)
OF_ONE = {"night": "before", "afternoon": "overnight", "evening": "overnight"}


def windows(seen: Mapping[str, float], persons: float = PERSONS) -> pa.Table:
    """Each window is shown so often, and as itself."""
    values = np.zeros((len(WINDOWS), len(SHOWN)))
    for row, window in enumerate(WINDOWS):
        shows = window if window in SHOWN else OF_ONE.get(window, "found")
        values[row, SHOWN.index(shows)] = persons * TIMES * seen[window]
        values[row, SHOWN.index("missed")] += persons * TIMES * (1 - seen[window])
    return released({"windows": ({"window": WINDOWS, "shows": SHOWN}, values)})


def stays(**classes: float) -> Array:
    """[zone, part, class] twice as many in the second zone and three times in the third, all in the afternoon."""
    values = np.zeros((3, len(DAY_PARTS), len(BINS)))
    for name, number in classes.items():
        values[:, 3, BINS.index(name.strip("_").replace("_", "-"))] = number * np.arange(1, 4)
    return values


def detected(
    seen: Mapping[str, float], found: Array, trips: tuple[float, float] | None = None, closed: bool = True
) -> Detected:
    dwell = released({"zone_dwell": (DWELL, found)})
    return Detected(Detection(windows({**ALWAYS, **seen}), dwell, DWELL, 10, trips), DISTRICT, closed)


SHORT_AND_LONG = np.zeros((3, len(DAY_PARTS), len(BINS)))
"""Short stays in the first zone, long ones in the others."""
SHORT_AND_LONG[:1, 3, [BINS.index("30-60"), BINS.index("60-120")]] = 300
SHORT_AND_LONG[1:, 3, BINS.index("240-480")] = 400
LONG = stays(_120_240=300, overnight=600)


def test_shares_are_of_all_windows_and_persons_are_those_with_an_event() -> None:
    shown = Shown(windows({**ALWAYS, "hour": 0.75}))
    assert shown.persons == pytest.approx(PERSONS)
    assert shown.found("hour") == pytest.approx(0.75)
    assert shown.share("hour", "missed", "found", "no such") == pytest.approx([0.25, 0.75, 0])


def test_noise_makes_no_window_show_more_than_there_are() -> None:
    exact = windows(ALWAYS)
    noise = np.random.default_rng(1).normal(0, 0.02 * PERSONS * TIMES, exact.num_rows)
    noisy = exact.set_column(
        exact.column_names.index("value"), "value", pa.array(np.asarray(exact["value"], np.float64) + noise)
    )
    shown = Shown(noisy)
    shares = np.array([shown.share(window, *SHOWN) for window in WINDOWS])
    assert shares.sum(axis=1) == pytest.approx(1)
    assert shares.min() == 0


def test_the_nearest_numbers_of_a_sum_are_as_far_from_all_that_stay() -> None:
    assert nearest(np.array([6.0, 5, -1, 2]), 12) == pytest.approx([5 + 2 / 3, 4 + 2 / 3, 0, 1 + 2 / 3])
    assert nearest(np.array([6.0, -1]), 5) == pytest.approx([5, 0])
    assert nearest(np.array([1.0, 2]), 5) == pytest.approx([2, 3])


def test_a_phone_that_is_always_heard_needs_no_correction_but_for_the_shortest_stays() -> None:
    made = detected({}, LONG)
    assert made.here.value.item() == pytest.approx(1)
    short = made.classes.true[BINS.index("5-15")]
    assert made.visits.value == pytest.approx(1 + short / LONG.sum(), rel=0.01)


def test_visits_since_before_midnight_and_of_today_have_their_own_chances() -> None:
    made = detected({"night": 0.5, **SEEN}, LONG)
    both = made.arrivals(("today", "before"))
    assert both.value[:, 1] == pytest.approx(2)
    assert both.value[:, :1] == pytest.approx(made.visits.value)
    assert both.model[0, 1] == pytest.approx((0.25 * 0.5 / 0.5) ** 2)


def test_a_zone_of_short_stays_misses_more_than_one_of_long_stays() -> None:
    short, long, other = detected(SEEN, SHORT_AND_LONG).visits.value[:, 0]
    assert short > 1.2 * long
    assert long == pytest.approx(other)


def test_stays_overnight_that_begin_in_the_evening_are_missed_more() -> None:
    found = np.zeros((3, len(DAY_PARTS), len(BINS)))
    found[:, 3:, -1] = 500
    made = detected({"afternoon": 0.9, "evening": 0.6}, found)
    values = found.reshape(3, -1)
    true = made.dwell(Unfolded(values, np.zeros_like(values), np.zeros_like(values))).values.reshape(found.shape)
    assert true[0, 4, -1] / true[0, 3, -1] == pytest.approx(0.9 / 0.6)
    assert true[..., -1].sum() == pytest.approx(3 * 500 * (1 / 0.9 + 1 / 0.6), rel=0.01)


def test_dwell_of_many_days_has_the_shape_and_the_errors_of_its_level() -> None:
    made, values = detected(SEEN, LONG), np.tile(LONG.reshape(3, -1), 2)
    found = made.dwell(Unfolded(values, np.full_like(values, 4.0), np.ones_like(values)))
    assert found.values.shape == values.shape
    assert found.values[:, : values.shape[1] // 2] == pytest.approx(found.values[:, values.shape[1] // 2 :])
    assert (found.variances >= 0).all()
    assert found.model.max() > 1


def counts(**by_name: Array) -> dict[str, Grid]:
    """Levels of visitors."""
    levels: dict[str, Dimensions] = {
        "zone": {"zone_id": ZONES},
        "zone_visits": {"zone_id": ZONES, "arrival": ("today", "before")},
    }
    made = released({name: (levels[name], values) for name, values in by_name.items()})
    return {name: grid(made, name, levels[name]) for name in by_name}


def visitors(made: Detected, visits: tuple[float, float]) -> Array:
    """For each of 500 persons in each zone."""
    levels = counts(zone=np.full(3, 500.0), zone_visits=np.tile(np.array(visits, float), (3, 1)))
    return made.visitors(levels["zone"], levels["zone_visits"], ("today", "before")).value


def test_visitors_who_come_once_are_missed_as_visits_are_and_those_who_come_back_less() -> None:
    made = detected({**SEEN, "night": 0.8, "both": 0.7}, LONG)
    assert visitors(made, (500, 0)) == pytest.approx(made.visits.value, rel=0.01)
    assert (visitors(made, (450, 450)) < 1.1).all()


def test_persons_of_several_days_lie_between_none_and_all_of_a_visits_correction() -> None:
    made = detected({"480+": 0.8, **SEEN}, stays(_30_60=400, overnight=600))
    assert made.persons.value == pytest.approx((1 + made.visits.value) / 2)
    least = np.square((made.visits.value - 1) / 2 / made.persons.value) / 3
    assert (made.persons.model >= least).all()


def test_trips_lack_those_to_the_first_visit_found() -> None:
    seen = {"night": 0.7, "any": 0.9}
    late = 0.2 * PERSONS / LONG.sum()
    made, trips = detected(seen, LONG), np.ones((2, 2)) * 100
    pairs = made.pairs(trips, districts=True)
    assert pairs.value.shape == (2, 2, 1)
    assert (pairs.value[..., 0] * trips).sum() == pytest.approx(made.classes.mean / (1 - late) * trips.sum())
    assert made.flows(True).value == pytest.approx(made.classes.mean / (1 - late), rel=0.01)


def test_in_a_closed_area_each_visit_ends_a_trip_and_releases_tell_which_do_not() -> None:
    visits = LONG.sum()
    made, noisy = (detected({}, LONG, (0.8 * visits, variance)).flows(True) for variance in (0.0, 100.0**2))
    mean = detected({}, LONG).classes.mean
    assert made.value == pytest.approx(mean / 0.8, rel=0.01)
    assert (noisy.noise - made.noise) == pytest.approx((100 / visits / 0.8) ** 2, rel=0.01)
    opened = detected({}, LONG, (0.8 * visits, 0.0), closed=False).flows(True)
    assert opened.value == pytest.approx(mean, rel=0.01), "others come from outside"


def test_trips_between_zones_are_corrected_at_both_ends() -> None:
    made = detected(SEEN, SHORT_AND_LONG)
    ends, pairs = made.visits.value, made.pairs(np.ones((3, 3)), districts=False).value[..., 0]
    assert pairs[0, 1] / pairs[1, 2] == pytest.approx((ends[0] / ends[2]).item())
    assert pairs == pytest.approx(pairs.T)


def test_factors_multiply_and_their_errors_add_up() -> None:
    one = Factors(np.array([[2.0]]), np.array([[0.1]]), np.array([[0.01]]))
    both = times(one, replace(one, value=np.array([[3.0]])))
    assert (both.value.item(), both.noise.item(), both.model.item()) == (6.0, 0.2, 0.02)
