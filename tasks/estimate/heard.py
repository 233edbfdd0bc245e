"""What is not known of a radio network: how much farther cells are heard than plans tell, and how counts differ by it.

The cells of zone a are heard in zone t exp(e[a, t]) times as often as plans tell, in proportion to all others:
M'[a, t] = M[a, t] exp(e[a, t]) / sum over assigned zones, outside with e = 0. A part of e is common to all places
that hear the zone, a part is of each place, and patterns hold what is wrong everywhere, as the path loss:

    e[a, t] = radio (sqrt(1 - APART) common[a] + sqrt(APART) own[a, t]) + WIDE sum_p wide[p] pattern[p, a, t]

with all unknowns standard normal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Singles = NDArray[np.float32]
Halves = NDArray[np.float16]
Ints = NDArray[np.integer]

APART = 2 / 3
"""Of each place: shadowing of 6 dB (3GPP TR 38.901, UMa) beside 4.2 dB of a site's power, downtilt and load."""
WIDE = 2.0
"""Standard deviation of the unknown of a pattern: little is known before, and a night tells it well."""


@dataclass(frozen=True)
class Heard:
    """A block of assigned zones, and the true and assigned zones that matter to their counts."""

    matrix: Reals
    """M' [assigned zone, true zone] of all zones."""
    rows: slice
    patterns: Sequence[Halves] = ()
    """[assigned zone, true zone] each."""

    @cached_property
    def near(self) -> Ints:
        """True zones with a share in the block, and its own."""
        return self._with_own(self.matrix[self.rows].T)

    @property
    def own(self) -> Ints:
        """Where the zones of the block are among the near ones."""
        return np.searchsorted(self.near, np.arange(len(self.matrix))[self.rows])

    def _with_own(self, share: Reals) -> Ints:
        """Rows with a share, and those of the block."""
        some = np.asarray(share.any(axis=1))
        some[self.rows] = True
        return np.flatnonzero(some)

    @cached_property
    def share(self) -> Reals:
        """[zone of the block, near zone]"""
        return np.asarray(self.matrix[self.rows][:, self.near])

    @cached_property
    def _others(self) -> tuple[Ints, Reals]:
        """Zones whose cells are heard in the near ones, and their shares [assigned zone, near zone]."""
        found = self._with_own(self.matrix[:, self.near])
        return found, self.matrix[found][:, self.near]

    @cached_property
    def _whole(self) -> Reals:
        """[near zone] the sum of squared shares."""
        return np.asarray(np.square(self._others[1]).sum(axis=0))

    def moved(self, persons: Reals) -> "Moved":
        """How counts of persons [true zone] depend on e."""
        (zones, shares), near = self._others, persons[self.near]
        sent = self.share * near
        common = -sent @ shares.T
        own = np.searchsorted(zones, np.arange(len(self.matrix))[self.rows])
        common[np.arange(len(own)), own] += sent.sum(axis=1)
        wide = [(sent * self._beside(pattern)).sum(axis=1) for pattern in self.patterns]
        return Moved(near, common, WIDE * np.stack(wide, axis=1) if wide else np.zeros((len(own), 0)))

    def _beside(self, pattern: Halves) -> Reals:
        """[zone of the block, near zone] a pattern beside its mean over the zones that are heard in a place."""
        zones, shares = self._others
        return np.asarray(pattern[self.rows][:, self.near] - (shares * pattern[zones][:, self.near]).sum(axis=0))

    def covariance(self, one: "Moved", other: "Moved", again: Reals | None = None) -> Reals:
        """[zone, zone] of counts of `one` and of `other` persons, at a radio of 1 and without patterns.

        `again`: persons [true zone] whose own part of e is drawn a second time.
        """
        persons, square = one.persons * other.persons, np.square(self.share)
        persons = persons if again is None else persons + np.square(again[self.near])
        of_one = square * persons
        apart = (self.share * (persons * self._whole) - of_one) @ self.share.T - self.share @ of_one.T
        apart[np.diag_indices_from(apart)] += of_one.sum(axis=1)
        return np.asarray((1 - APART) * one.common @ other.common.T + APART * apart)

    def expected(self, moved: "Moved", weight: Reals, radio: float) -> Reals:
        """e [zone of the block, near zone], given weights [zone of the block] of its counts of the persons."""
        slope = self.share * moved.persons * (weight[:, None] - weight @ self.share)
        e = radio**2 * ((1 - APART) * slope.sum(axis=1)[:, None] + APART * slope)
        for pattern, wide in zip(self.patterns, weight @ moved.wide, strict=True):
            e += WIDE * wide * pattern[self.rows][:, self.near]
        return np.asarray(e * (self.share > 0))


@dataclass(frozen=True)
class Moved:
    """Persons [near zone], and derivatives of the counts of a block's zones."""

    persons: Reals
    common: Reals
    """[zone of the block, assigned zone] by e of all places."""
    wide: Reals
    """[zone of the block, pattern]"""
