"""Noise sources for tests: none at all, and a quick seeded one. Production refuses both."""

from decimal import Decimal

import numpy as np

from tasks.privacy.bounds import Integers


class Silence:
    """No noise, and a memory of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Decimal, int, int]] = []

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        self.asked.append((sigma, unit, size))
        return np.zeros(size, dtype=np.int64)


class Seeded:
    """Rounded Gaussian noise that is the same each time."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        return np.rint(self.random.normal(0, float(sigma) * unit, size)).astype(np.int64)
