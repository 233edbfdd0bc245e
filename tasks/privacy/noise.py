"""The only randomness near a release: the discrete Gaussian of OpenDP on int64 vectors, without a seed."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Protocol, final

import numpy as np

from tasks.errors import RefusedRelease
from tasks.privacy.bounds import Integers

if TYPE_CHECKING:
    from opendp.mod import Measurement

BLOCK = 16_384
"""Draws a thread takes at once: about a fifth of a second."""


class Noise(Protocol):
    """Where noise comes from; tests inject another one through a constructor."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        """Integers of sd `sigma` persons, in 1/unit persons."""


def scale_of(sigma: Decimal, unit: int = 1) -> float:
    """The least float not below sigma * unit: the noise is never smaller than what is charged."""
    exact = Fraction(sigma) * unit
    scale = float(exact)
    return scale if Fraction(scale) >= exact else math.nextafter(scale, math.inf)


@cache
def gaussian(scale: float) -> "Measurement":
    """OpenDP's measurement int64 vector -> int64 vector under L2 distance and zCDP (Canonne, Kamath, Steinke 2020)."""
    import opendp.prelude as dp  # half a second: only where noise or its cost is needed

    dp.enable_features("contrib")  # which proofs are vetted: docs/explanation/nist-sp-800-226.md
    # int64: int32 saturates
    return dp.m.make_gaussian(dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64"), scale)


@final
class DiscreteGaussian:
    """The production noise."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        """Integers of sd `sigma` persons, in 1/unit persons; long vectors on all cores (OpenDP frees the GIL)."""
        measurement = gaussian(scale_of(sigma, unit))

        def block(start: int) -> Integers:
            return np.array(measurement(np.zeros(min(BLOCK, size - start), np.int64)), dtype=np.int64)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.concatenate([np.zeros(0, np.int64), *pool.map(block, range(0, size, BLOCK))])


def production_noise(candidate: Noise | None = None) -> DiscreteGaussian:
    """The discrete Gaussian; raises RefusedRelease for any other source."""
    source = DiscreteGaussian() if candidate is None else candidate
    if type(source) is not DiscreteGaussian:
        raise RefusedRelease(
            "The noise source is not the discrete Gaussian.",
            "Publish with the production noise only.",
            "release.noise_source",
        )
    return source
