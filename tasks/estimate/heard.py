"""What is not known of a radio network: how much farther cells are heard than plans tell, and how counts differ by it.

The cells of zone a are heard in zone t exp(e[a, t]) times as often as plans tell, in proportion to all others:
M'[a, t] = M[a, t] exp(e[a, t]) / sum over assigned zones, outside with e = 0. A part of e is common to all places
that hear the zone, the rest is of each place:

    e[a, t] = radio (sqrt(1 - APART) common[a] + sqrt(APART) own[a, t]), all standard normal
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]

APART = 2 / 3
"""Of each place: shadowing of 6 dB (3GPP TR 38.901, UMa) beside 4.2 dB of a site's power, downtilt and load."""


@dataclass(frozen=True)
class Heard:
    """A block of assigned zones, and the true and assigned zones that matter to their counts."""

    matrix: Reals
    """M' [assigned zone, true zone] of all zones."""
    rows: slice

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
        return Moved(near, common)

    def covariance(self, one: "Moved", other: "Moved") -> Reals:
        """[zone, zone] of counts of `one` and of `other` persons, at a radio of 1."""
        persons, square = one.persons * other.persons, np.square(self.share)
        of_one = square * persons
        apart = (self.share * (persons * self._whole) - of_one) @ self.share.T - self.share @ of_one.T
        apart[np.diag_indices_from(apart)] += of_one.sum(axis=1)
        return np.asarray((1 - APART) * one.common @ other.common.T + APART * apart)

    def expected(self, persons: Reals, weight: Reals) -> Reals:
        """e [zone of the block, near zone] at a radio of 1, given weights [zone of the block] of its counts."""
        slope = self.share * persons[self.near] * (weight[:, None] - weight @ self.share)
        return np.asarray(((1 - APART) * slope.sum(axis=1)[:, None] + APART * slope) * (self.share > 0))


@dataclass(frozen=True)
class Moved:
    """Persons [near zone], and the derivative of counts [zone of the block, assigned zone] by e of all places."""

    persons: Reals
    common: Reals
