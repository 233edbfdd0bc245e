from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import RefusedRelease
from tasks.privacy.noise import BLOCK, DiscreteGaussian, gaussian, production_noise, scale_of
from tests.unit.privacy.sources import Seeded, Silence


@given(st.decimals("0.001", "100000", places=6), st.sampled_from([1, 64]))
def test_the_scale_is_never_below_sigma_and_hardly_above(sigma: Decimal, unit: int) -> None:
    scale, exact = Fraction(scale_of(sigma, unit)), Fraction(sigma) * unit
    assert exact <= scale <= exact * (1 + Fraction(1, 2**51))


@given(st.decimals("0.001", "100000", places=6))
def test_counting_in_sixty_fourths_scales_the_noise_exactly(sigma: Decimal) -> None:
    assert scale_of(sigma, 64) == 64 * scale_of(sigma)


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1])
def test_every_value_gets_its_draw(size: int) -> None:
    drawn = DiscreteGaussian().draw(Decimal(50_000), 1, size)
    assert drawn.dtype == np.int64
    assert drawn.shape == (size,)
    assert np.count_nonzero(drawn) >= size - 10


def test_two_draws_differ() -> None:
    noise = DiscreteGaussian()
    assert not np.array_equal(noise.draw(Decimal(32), 1, 100), noise.draw(Decimal(32), 1, 100))


def test_sixty_fourths_do_not_saturate() -> None:
    drawn = DiscreteGaussian().draw(Decimal(10) ** 9, 64, 200)
    assert np.abs(drawn).max() > 2**32


def test_the_measurement_is_under_l2_distance_and_zcdp() -> None:
    measurement = gaussian(32.0)
    assert str(measurement.input_metric) == "L2Distance(f64)"
    assert str(measurement.output_measure) == "ZeroConcentratedDivergence"


def test_production_draws_from_the_discrete_gaussian() -> None:
    noise = DiscreteGaussian()
    assert isinstance(production_noise(), DiscreteGaussian)
    assert production_noise(noise) is noise


@pytest.mark.parametrize("source", [Silence(), Seeded(1)])
def test_production_refuses_any_other_source(source: Silence | Seeded) -> None:
    with pytest.raises(RefusedRelease, match="not the discrete Gaussian"):
        production_noise(source)
