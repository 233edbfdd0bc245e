"""Weights of the panel: raking beside a plain twin, and worlds in which opt-in depends on age, gender and place."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.demographics import AGE_BANDS, GENDERS, Margins
from tasks.estimate.raking import fit, targets
from tasks.estimate.strata import LEAST_SHARE
from tasks.estimate.weights import Weights, panel_counts, rake, weights

SHAPE = (5, len(AGE_BANDS), len(GENDERS))
AGES = np.array([0.12, 0.16, 0.17, 0.15, 0.18, 0.22])[None, :, None]
SEXES = np.array([0.48, 0.48, 0.04])
OPT_IN = np.clip(
    np.linspace(0.2, 0.6, 5)[:, None, None] + np.linspace(0.3, -0.2, 6)[None, :, None] + [0.1, 0.0, -0.1], 0.2, 0.8
)
"""Shares that opted in: strongly by place, age and gender, from 20 to 80 %."""


def census(size: int) -> Any:
    places = np.array([0.35, 0.25, 0.2, 0.15, 0.05])[:, None, None]
    return np.round(size * places * AGES * SEXES)


def with_unknown(panel: Any, unknown: Any = 0.0) -> Any:
    return np.concatenate([panel, np.broadcast_to(unknown, (1, *SHAPE[1:]))])


def raked(panel: Any, sigma: float, margins: Sequence[Any]) -> Weights:
    noise = np.full(SHAPE, sigma**2)
    return rake(with_unknown(panel), with_unknown(noise), margins)


def margins_of(residents: Any) -> dict[str, tuple[Any, ...]]:
    """Census margins of several kinds."""
    place, person = residents.sum((1, 2), keepdims=True), residents.sum(0, keepdims=True)
    return {
        "all": (residents,),
        "district": (place,),
        "age and gender": (person,),
        "district; age and gender": (place, person),
        "district and age; gender": (residents.sum(2, keepdims=True), residents.sum((0, 1), keepdims=True)),
    }


KINDS = list(margins_of(census(100)))


def plain_fit(start: Any, margins: Sequence[Any], rounds: int) -> Any:
    """Raking as it is taught: cell by cell, margin by margin."""
    made = start.copy()
    for _ in range(rounds):
        for margin in margins:
            for key in np.ndindex(margin.shape):
                cells = [at for at in np.ndindex(made.shape) if _in(at, key, margin.shape)]
                if margin[key] > 0:
                    factor = margin[key] / sum(made[at] for at in cells)
                    for at in cells:
                        made[at] *= factor
    return made


def _in(at: Sequence[int], key: Sequence[int], shape: Sequence[int]) -> bool:
    return all(length == 1 or a == k for a, k, length in zip(at, key, shape, strict=True))


@given(
    arrays(float, (3, 2, 2), elements=st.floats(0.5, 4)),
    arrays(float, (3, 2, 2), elements=st.floats(0.5, 4)),
    st.data(),
)
@settings(max_examples=15, deadline=None)
def test_raking_is_that_of_the_plain_twin_and_meets_the_margins(start: Any, truth: Any, data: st.DataObject) -> None:
    margins = data.draw(st.lists(st.sampled_from(list(margins_of(truth).values())), min_size=1, max_size=2))
    flat = [margin for several in margins for margin in several]
    found = fit(start, flat)
    assert found == pytest.approx(plain_fit(start, flat, 80), rel=1e-7)
    assert (found > 0).all()
    for margin in flat:
        axes = tuple(n for n, length in enumerate(margin.shape) if length == 1)
        assert found.sum(axes, keepdims=True) == pytest.approx(margin, rel=1e-9)


def test_a_margin_that_does_not_count_a_key_leaves_its_counts() -> None:
    margin = np.array([4.0, np.nan, 0.0])[:, None, None]
    assert fit(np.ones((3, 2, 1)), [margin]).ravel().tolist() == [2, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
@given(arrays(float, SHAPE, elements=st.floats(-200, 2_000)), st.floats(0, 100))
@settings(max_examples=20, deadline=None)
def test_weights_of_any_noisy_panel_are_positive_and_meet_the_margins(kind: str, noisy: Any, sigma: float) -> None:
    margins = margins_of(census(100_000))[kind]
    found = raked(noisy, sigma, margins)
    assert (found.weight > 0).all()
    assert np.isfinite(found.weight).all()
    assert (found.variance >= 0).all()
    assert 0 < found.effective_size <= found.panel.sum() * (1 + 1e-9)
    for margin in margins:
        axes = tuple(n for n, length in enumerate(margin.shape) if length == 1)
        assert (found.weight * found.panel).sum(axes, keepdims=True) == pytest.approx(margin, rel=1e-9)


def worlds(size: int, sigma: float, number: int) -> Iterator[tuple[Any, Any, Any]]:
    """Residents, who of them opted in, and the noisy panel."""
    residents, random = census(size), np.random.default_rng(7)
    for _ in range(number):
        panel = random.binomial(residents.astype(int), OPT_IN).astype(float)
        yield residents, panel, panel + random.normal(0, sigma, SHAPE)


@pytest.mark.parametrize(("size", "sigma", "within"), [(60_000, 0, 0.001), (60_000, 10, 0.01), (500_000, 10, 0.003)])
def test_opt_in_that_depends_on_age_gender_and_place_is_corrected(size: int, sigma: float, within: float) -> None:
    found, plain = np.zeros(SHAPE), np.zeros(SHAPE)
    for residents, panel, noisy in worlds(size, sigma, 60):
        found += raked(noisy, sigma, [residents]).weight * panel / 60
        plain += residents.sum() / panel.sum() * panel / 60
    for axes in ((0, 1), (0, 2), (1, 2), (0, 1, 2)):
        truth = census(size).sum(axes)
        bias = np.abs(found.sum(axes) / truth - 1)
        assert bias[truth >= size / 10].max() <= within, "of districts, ages and genders"
        if axes in ((0, 2), (1, 2)):
            assert np.abs(plain.sum(axes) / truth - 1).max() > 0.2, "one weight for all is far off"
    assert np.abs(found / census(size) - 1)[census(size) >= 1_000].max() <= max(0.04, within), "of strata"


def test_a_census_of_some_margins_corrects_what_it_counts() -> None:
    bias = {kind: np.zeros(SHAPE) for kind in KINDS}
    for residents, panel, noisy in worlds(200_000, 10, 20):
        for kind, margins in margins_of(residents).items():
            bias[kind] += (raked(noisy, 10, margins).weight * panel - residents) / 20
    truth = census(200_000)
    for kind, axes in (("district", (1, 2)), ("age and gender", (0, 2)), ("district; age and gender", (1, 2))):
        assert np.abs(bias[kind].sum(axes) / truth.sum(axes)).max() < 0.01
    assert np.abs(bias["district"].sum((0, 2)) / truth.sum((0, 2))).max() > 0.2
    assert np.abs(bias["district; age and gender"].sum((0, 2)) / truth.sum((0, 2))).max() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_the_stated_variance_is_that_of_weights_under_noise_drawn_again(kind: str) -> None:
    random, residents = np.random.default_rng(3), census(4_000_000)
    panel = residents * OPT_IN
    margins = margins_of(residents)[kind]
    drawn = [raked(panel + random.normal(0, 10, SHAPE), 10, margins) for _ in range(300)]
    large = panel > 5_000
    spread = np.var([each.weight for each in drawn], axis=0)[large]
    stated = np.mean([each.variance for each in drawn], axis=0)[large]
    assert np.mean(spread / stated) == pytest.approx(1, abs=0.1)


def test_the_stated_variance_holds_where_noise_is_as_large_as_a_stratum() -> None:
    ratios = []
    for residents, panel, noisy in worlds(12_000, 32, 60):
        found, large = raked(noisy, 32, [residents]), panel >= 50
        ratios.append((found.weight * panel - residents)[large] ** 2 / (found.variance * panel**2)[large])
    assert 0.5 < np.mean(np.concatenate(ratios)) < 2


def test_a_count_that_noise_made_negative_has_no_huge_weight() -> None:
    residents = census(60_000)
    panel = residents * 0.5
    panel[1, 2, 0] = -40
    found = raked(panel, 100, [residents])
    assert found.weight[1, 2, 0] < 2 / LEAST_SHARE
    sure = raked(panel, 1, [residents])
    assert (sure.trimmed, found.trimmed) == (1, 0)
    assert 2 < sure.weight[1, 2, 0] < 4 / LEAST_SHARE


def test_without_noise_a_weight_is_residents_by_panel() -> None:
    residents = census(60_000)
    found = raked(residents * OPT_IN, 0, [residents])
    assert found.weight == pytest.approx(1 / OPT_IN)
    assert found.panel == pytest.approx(residents * OPT_IN)
    assert (found.variance.max(), found.trimmed) == (0, 0)
    even = raked(residents / 4, 0, [residents])
    assert even.effective_size == pytest.approx(residents.sum() / 4)
    assert found.effective_size < (residents * OPT_IN).sum() * 0.95


def test_persons_of_unknown_home_are_spread_in_proportion() -> None:
    residents = census(60_000)
    panel, nothing = residents * OPT_IN, with_unknown(np.zeros(SHAPE))
    found = rake(with_unknown(panel, 0.1 * panel.sum(0)), nothing, [residents])
    assert found.weight == pytest.approx(1 / OPT_IN / 1.1)
    noisy = rake(with_unknown(panel, -5.0), nothing, [residents])
    assert noisy.weight == pytest.approx(1 / OPT_IN), "noise takes nobody away"


def test_a_gender_that_the_census_does_not_count_weighs_as_the_others_of_its_age_and_district() -> None:
    residents = census(60_000)
    panel = residents * OPT_IN
    panel[:, :, 2] = 0.25 * panel[:, :, :2].sum(2)
    binary = np.where(np.arange(3) < 2, residents, np.nan)
    found = raked(panel, 0, [binary])
    assert found.weight[:, :, :2] == pytest.approx(1 / OPT_IN[:, :, :2] / 1.25)
    people = (found.weight * panel).sum(2)
    assert people == pytest.approx(residents[:, :, :2].sum(2))
    assert found.panel.sum() == pytest.approx(panel.sum())


def test_a_district_without_residents_has_the_weight_of_the_whole_panel() -> None:
    residents = census(60_000)
    residents[4] = np.nan
    found = raked(census(60_000) * 0.5, 10, [residents])
    assert found.weight[4] == pytest.approx(2, rel=0.01)
    assert (found.variance[4] > 0).all()
    place = np.array([1.0, 2.0, 3.0, 0.0, np.nan])[:, None, None]
    two = raked(census(60_000) * 0.5, 10, [place, np.full((1, 6, 3), 1 / 3)])
    assert np.isfinite(two.weight).all()
    assert np.isfinite(two.variance).all()


def table(*rows: tuple[str | None, str | None, str | None, float]) -> Margins:
    district, age, gender, residents = zip(*rows, strict=True)
    texts = (pa.array(each, pa.string()) for each in (district, age, gender))
    return Margins(pa.table([*texts, pa.array(residents)], ["district_id", "age_band", "gender", "residents"]), None)


def test_targets_are_the_finest_margins_with_the_total_of_the_first() -> None:
    found = targets(
        table(
            ("a", None, None, 30),
            ("b", None, None, 70),
            (None, None, None, 100),
            (None, "65+", "f", 99.5),
            ("x", None, None, 1),
        ),
        ["a", "b", "c"],
    )
    assert [each.shape for each in found] == [(1, 6, 3), (3, 1, 1)]
    assert np.nansum(found[0]) == 99.5
    assert found[1].ravel()[:2] == pytest.approx([29.85, 69.65])
    assert np.isnan(found[1][2, 0, 0])
    assert np.isnan(found[0]).sum() == 17


def test_a_released_panel_becomes_weights_and_a_census_of_nobody_none() -> None:
    names = [(home, age, gender) for home in ("a", "b", "unknown") for age in AGE_BANDS for gender in GENDERS]
    home, age, gender = zip(*names, strict=True)
    panel = pa.table({"district_id": home, "age_band": age, "gender": gender})
    panel = panel.append_column("value", pa.array([None, *range(1, 54)], pa.float64()))
    panel = panel.append_column("se", pa.array([3.0] * 54))
    counts, noise = panel_counts(panel, ["a", "b"])
    assert (counts.shape, counts[0, 0].tolist(), counts[2, 5, 2]) == ((3, 6, 3), [0, 1, 2], 53)
    assert (noise == 9).all()
    found = weights(panel, table(("a", None, None, 1_000), ("b", None, None, 2_000)), ["a", "b"])
    assert found
    assert (found.weight * found.panel).sum((1, 2)) == pytest.approx([1_000, 2_000])
    assert weights(panel, table(("a", None, None, 0)), ["a", "b"]) is None
    assert weights(panel, table(("elsewhere", None, None, 5)), ["a", "b"]) is None
