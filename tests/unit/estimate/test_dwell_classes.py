"""True stays by class, from found ones and from how often windows show a class."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.estimate.dwell_classes import LEAST, DwellClasses

BINS = ("5-15", "15-30", "30-60", "60-120", "120+", "overnight")
TRUE = np.array([100.0, 200, 400, 800, 1_600, 3_000])
SEEN = np.array([0, 0.2, 0.6, 0.92, 1, 0.9])


def shown(seen: np.ndarray = SEEN, longer: float = 0.0) -> np.ndarray:
    """Each class is shown as itself or, with this chance, as the next longer one; the shortest is not known."""
    rows = np.diag(seen * (1 - longer))
    rows[np.arange(4), np.arange(1, 5)] += seen[:4] * longer
    rows[4, 4], rows[5, 5] = seen[4:]
    rows[0] = 0
    return rows


def classes(found: np.ndarray, rows: np.ndarray, sigma: float = 0.0, noise: float = 0.0) -> DwellClasses:
    return DwellClasses(BINS, found, np.full(len(BINS), sigma**2), rows, noise, 10)


def test_classes_that_are_shown_are_what_they_were_and_shorter_ones_follow_them() -> None:
    rows = shown()
    made = classes(TRUE @ rows, rows)
    assert made.true[3:] == pytest.approx(TRUE[3:])
    assert made.trust == pytest.approx([0, 0, 0.25, 1, 1, 1])
    for n, (least, most) in ((1, (0.5, 1.0)), (0, (1 / 3, np.log(1.5) / np.log(2)))):
        assert made.true[n] == pytest.approx(made.true[n + 1] * np.sqrt(least * most))
    follows = made.true[3] * np.sqrt(0.5 * 1)
    assert made.true[2] == pytest.approx(0.25 * TRUE[2] + 0.75 * follows)


def test_a_stay_shown_as_a_longer_one_goes_back_to_its_class() -> None:
    rows = shown(np.array([0, 1.0, 1, 1, 1, 1]), longer=0.1)
    found = TRUE @ rows
    made = classes(found, rows)
    assert abs(made.true[1:5] - TRUE[1:5]).sum() < 0.5 * abs(found[1:5] - TRUE[1:5]).sum()
    assert made.by_found @ found == pytest.approx(made.true, rel=0.05)
    assert made.mixed[[0, 1, 5]] == pytest.approx([0, 0.1, 0])


def test_what_noise_may_show_of_another_class_counts_as_the_own_one() -> None:
    rows = shown(longer=0.015)
    made = classes(np.full(len(BINS), 100.0), rows, noise=0.01)
    assert made.sure == pytest.approx(np.diag(rows.sum(axis=1)))
    assert made.mixed == pytest.approx(0)
    assert classes(made.found, rows, noise=0.001).sure == pytest.approx(rows)


def test_the_error_grows_with_what_is_missed_and_with_each_step_to_a_shorter_class() -> None:
    rows = shown()
    made = classes(TRUE @ rows, rows)
    assert (np.diff(made.error[:5]) < 0).all()
    assert made.error[4] == 0
    assert made.error[5] == pytest.approx(0.25 * 0.1 / 0.9)
    assert classes(TRUE @ rows, rows, noise=0.05).error[4] == pytest.approx(0.05)
    assert 0 < made.mean_error < made.error[0]


def test_found_stays_of_all_places_give_the_true_ones_whatever_their_number() -> None:
    rows = shown()
    made = classes(TRUE @ rows, rows)
    assert made.by_found @ made.found == pytest.approx(made.true)
    assert made.mean == pytest.approx(made.true.sum() / made.found.sum())
    assert made.mean_noise == 0


def test_noise_takes_trust_from_a_class_and_widens_the_mean() -> None:
    rows = shown()
    sure, noisy = (classes(TRUE @ rows, rows, sigma) for sigma in (0.0, 300.0))
    assert noisy.trust[3] < sure.trust[3]
    assert noisy.mean_noise > 0
    step = np.eye(6)[4] * 300
    one = replace(noisy, found=noisy.found + step).mean / noisy.mean - 1
    assert noisy.mean_noise > one**2


@pytest.mark.parametrize("found", [np.zeros(6), np.full(6, -50.0)])
def test_nothing_found_is_no_error(found: np.ndarray) -> None:
    made = classes(found, shown(), sigma=20)
    assert np.isfinite(made.mean)
    assert np.isfinite(made.by_found).all()
    assert (made.true >= 0).all()


def test_a_class_that_is_hardly_shown_is_not_divided_by_nothing() -> None:
    rows = shown(np.array([0, 0.2, 0.6, 0.9, 0.001, 0.9]))
    assert classes(TRUE @ rows, rows).true[4] <= TRUE[4] / LEAST


def test_classes_below_the_shortest_stay_are_empty() -> None:
    made = replace(classes(TRUE @ shown(), shown()), min_dwell=15)
    assert made.true[0] == 0
