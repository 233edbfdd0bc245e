"""Where the panel is at night: at home, but for a few whose places and number are not well known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]

AT_HOME, AT_HOME_BY_DAY = 0.95, 0.5
"""Shares of people: assumptions, as of homes.py."""
OF_ALL = 0.4
"""Standard deviation (logarithm) of how many are away at night."""


@dataclass(frozen=True)
class Night:
    """What is counted at night, and what is known of it before."""

    counted: Reals
    """[assigned zone] the mean of the night hours, and its variance."""
    variances: Reals
    home: Reals
    """[true zone] the panel by home, as census and districts tell."""
    day: Reals
    """[true zone] persons in working hours."""
    district: Ints
    """Of each zone."""
    sums: Reals | None
    """[district] relative variance of the panel; None: districts are not known but from this night."""

    def expected(self, matrix: Reals, homes: Reals, away: Reals) -> tuple[Reals, Reals]:
        """Persons [true zone] there, and the part of them who are not at home; `homes`, `away`: logarithms.

        Away are as many as in working hours where more are than live there.
        """
        by_day = self.day * self.home.sum() / max(float(self.day.sum()), 1e-9) - AT_HOME_BY_DAY * self.home
        others = np.maximum(by_day, 1e-9)
        others *= (1 - AT_HOME) * self.home.sum() / others.sum() * np.exp(away)
        found = AT_HOME * self.home * np.exp(homes) + others
        scale = self.counted.sum() / (matrix @ found).sum()
        return np.maximum(found * scale, 1.0), others / np.maximum(found, 1e-9)

    def sums_within(self, rows: slice) -> tuple[Reals, Reals]:
        """Districts that lie in a block of zones: their share of each [district, zone], and relative variances."""
        zones = np.arange(len(self.home))[rows]
        if self.sums is None:
            return np.zeros((0, len(zones))), np.zeros(0)
        within, everywhere = np.bincount(self.district[zones], minlength=len(self.sums)), np.bincount(self.district)
        whole = np.flatnonzero((within > 0) & (within == everywhere))
        share = (self.district[zones] == whole[:, None]) * self.home[zones]
        return share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9), self.sums[whole]
