"""True stays by class of length, from found ones: events miss some, the short ones more often than the long ones.

Windows say how stays of each class are shown (tasks/products/detection.py). One step of expectation and maximisation
(L. Lucy, Astron. J. 79, 1974) gives the true stays of all places. Few stays of a short class are shown, and false ones
are among them. So the less of a class is shown, the more it follows the next longer one: stays are as dense there per
minute, or per logarithm of minutes. The geometric mean of both is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
NOT_TOLD, TOLD = 0.5, 0.9
"""Shares of a class that are shown: up to the first it follows the next longer class, from the second on itself."""
MOSTLY = 0.5
"""A class that follows itself more than that; shorter ones are spread over places as all found stays up to its length.
"""
ELSEWHERE = 0.25
"""Of what events miss by windows at fixed times: how much more or less they may miss where people stay."""
LEAST = 0.05
"""A share that is shown is at least this."""
SURE = 2.0
"""Standard errors from which on a class is known to be shown as another one."""
LAST = 1.5
"""The longest class ends at this multiple of its beginning."""


@dataclass(frozen=True)
class DwellClasses:
    """Of all places together."""

    bins: Sequence[str]
    """Classes: timed ones ascending as `15-30` minutes, the last one `480+`; then `overnight`."""
    found: Reals
    """[class] found stays."""
    variances: Reals
    shown: Reals
    """[class, found class] how often a stay is shown as one; 0 for a class that is not known."""
    noise: float
    """Standard error of a sum of shares."""
    min_dwell: float
    """Minutes of the shortest stay."""

    @cached_property
    def share(self) -> Reals:
        """[class] that is shown."""
        return np.asarray(self.shown.sum(axis=1))

    @cached_property
    def sure(self) -> Reals:
        """[class, found class] as `shown`; what noise may show of another class counts as the own one."""
        others = np.where(self.shown > SURE * self.noise, self.shown, 0.0)
        np.fill_diagonal(others, 0)
        return np.asarray(others + np.diag(self.share - others.sum(axis=1)))

    @cached_property
    def trust(self) -> Reals:
        """[class] how far its own found stays tell; the longest timed one and `overnight` have no other."""
        told = np.clip((self.share - NOT_TOLD) / (TOLD - NOT_TOLD), 0, 1)
        usual = np.square(self._sum(self.share > 0) / len(told))
        told *= usual / (usual + self.variances)
        told[-2:] = 1
        return np.asarray(told)

    @cached_property
    def _step(self) -> Reals:
        """[class, found class] one step from the found stays; 0 for a class that is not known."""
        first = np.where(self.share > 0, np.maximum(self.found, 0), 0)
        expected = np.maximum(first @ self.sure, 1)
        return np.asarray((first / np.maximum(self.share, LEAST))[:, None] * self.sure / expected)

    @cached_property
    def _solved(self) -> tuple[Reals, Reals]:
        """[class] true stays, and the relative standard deviation of what is assumed."""
        share = np.maximum(self.share, LEAST)
        true = self._step @ np.maximum(self.found, 0)
        error = (ELSEWHERE * (1 - share) + self.noise) / share
        for n in range(len(true) - 3, -1, -1):
            (least, most), trust = self._beside(n), self.trust[n]
            true[n] = trust * true[n] + (1 - trust) * true[n + 1] * np.sqrt(least * most)
            apart = np.log(most / least) / np.sqrt(12) if least else 0.0  # even between both
            error[n] = trust * error[n] + (1 - trust) * (apart + error[n + 1])
        return true, error

    @property
    def true(self) -> Reals:
        """[class] stays."""
        return self._solved[0]

    @property
    def error(self) -> Reals:
        """[class] relative standard deviation: what windows do not tell, and what shorter classes follow."""
        return self._solved[1]

    @property
    def mixed(self) -> Reals:
        """[class] of shown stays, the part that is shown as another class."""
        own = np.diagonal(self.sure)
        return np.asarray(np.where(self.share > 0, 1 - own / np.maximum(self.share, 1e-9), 0))

    def _beside(self, n: int) -> tuple[float, float]:
        """Stays for one of the next longer class, as dense per minute and per logarithm of minutes."""
        begin, middle = (float(edge) for edge in self.bins[n].split("-"))
        begin, end = max(begin, self.min_dwell), _end(self.bins[n + 1])
        if begin >= middle:
            return 0.0, 0.0
        return (middle - begin) / (end - middle), float(np.log(middle / begin) / np.log(end / middle))

    @cached_property
    def by_found(self) -> Reals:
        """[class, found class] true stays for a found one, in every place."""
        made, follows = self._step.copy(), self.true - self.trust * (self._step @ np.maximum(self.found, 0))
        for n, trust in enumerate(self.trust[:-2]):
            around = np.arange(len(made)) <= n + 1 + np.argmax(self.trust[n + 1 :] >= MOSTLY)
            made[n] = trust * made[n] + np.where(around, follows[n] / self._sum(around), 0)
        return np.asarray(made)

    def _sum(self, some: NDArray[np.bool_]) -> float:
        """Found stays of some classes, at least as many as their noise."""
        return max(float(self.found[some].sum()), float(np.sqrt(self.variances[some].sum())), 1.0)

    @cached_property
    def mean(self) -> float:
        """True stays for a found one."""
        return max(float(self.by_found.sum(axis=0) @ self.found) / self._sum(np.full(len(self.bins), True)), LEAST)

    @cached_property
    def mean_noise(self) -> float:
        """The relative variance of `mean` by the noise of found stays."""
        moved = [replace(self, found=self.found + step).mean - self.mean for step in np.diag(np.sqrt(self.variances))]
        return float(np.square(moved).sum()) / self.mean**2

    @property
    def mean_error(self) -> float:
        """The relative standard deviation of `mean` by what is assumed."""
        return float(self.true @ self.error) / max(float(self.true.sum()), 1.0)


def _end(name: str) -> float:
    """Where a timed class ends, in minutes."""
    return LAST * float(name[:-1]) if name.endswith("+") else float(name.split("-")[1])
