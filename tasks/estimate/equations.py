"""The linear equations of a night, around what is known so far: gains.py says of what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.estimate.heard import Halves, Heard, Moved, Singles
from tasks.estimate.nights import OF_ALL, Night

Reals = NDArray[np.float64]

LEAST, EXACT = 1e-9, 1e-6
"""Persons whom a zone without a cell counts, and the least relative variance of a count."""
FAR = 1e12
"""More than any squared distance of a block's counts from what is expected."""
BLOCK = 300
"""Zones that are fitted at once."""


@dataclass(frozen=True)
class Learned:
    """Of a block of zones: what its night leaves open."""

    heard: Heard
    radio: float
    night: Moved
    """Persons who are expected at night."""
    counts: Reals
    """[zone of the block] expected."""
    precision: Reals
    """The inverse covariance of what is known: logarithms of these counts, then sums of districts."""
    homes: Reals
    """[zone of the block, known] the covariance of h with what is known."""
    prior: Reals
    """The variance of h before."""

    @property
    def unsure(self) -> Reals:
        """[zone of the block] variance of h."""
        return np.asarray(self.prior - ((self.homes @ self.precision) * self.homes).sum(axis=1))

    @cached_property
    def follow(self) -> Reals:
        """[zone of the block, zone of the block] by how much h follows one more person counted at night."""
        return np.asarray((self.homes @ self.precision)[:, : len(self.counts)] / self.counts)

    def errors(self, persons: Reals, others: Reals | None = None) -> tuple[Reals, Reals, Reals]:
        """As e is not known: the covariance of counts [zone of the block] of persons [true zone]; and that with h.

        The last one is by how much these counts follow one more person counted at night.
        `others`: those of the persons who do not live there. They are in other places of the zone than residents.
        """
        size, moved = len(self.counts), self.heard.moved(persons)
        known = self._covariance(moved, self.night) / self.counts
        told = known @ self.precision[:size]
        place = self._covariance(moved, moved, others) - told[:, :size] @ known.T
        return place, -told @ self.homes.T, told[:, :size] / self.counts

    def _covariance(self, one: Moved, other: Moved, again: Reals | None = None) -> Reals:
        return np.asarray(self.radio**2 * self.heard.covariance(one, other, again) + one.wide @ other.wide.T)


@dataclass(frozen=True)
class Equations:
    """Linear equations of a block of zones: what is known = derivatives times what is not + noise."""

    heard: Heard
    persons: Reals
    """[true zone] expected, like the counts [zone of the block]."""
    counts: Reals
    by_home: Reals
    """[known, near zone] the derivative by h; after the counts, sums of districts."""
    by_away: Reals
    """[zone of the block, near zone] the derivative by v."""
    known: Reals
    noise: Reals

    @cached_property
    def _moved(self) -> Moved:
        return self.heard.moved(self.persons)

    @cached_property
    def _parts(self) -> tuple[Reals, ...]:
        """Covariances of what is known: at a radio, homes and each of 1, and what does not depend on them."""
        rest = np.diag(self.noise) + (self.by_home / self.persons[self.heard.near]) @ self.by_home.T
        rest += self._widened(OF_ALL**2 * np.outer(*[self.by_away.sum(axis=1)] * 2))
        wide = self._moved.wide / self.counts[:, None]
        rest += self._widened(wide @ wide.T)
        radio = self.heard.covariance(self._moved, self._moved) / np.outer(self.counts, self.counts)
        parts = self._widened(radio), self.by_home @ self.by_home.T, self._widened(self.by_away @ self.by_away.T)
        return *parts, np.asarray(rest)

    def _widened(self, counts: Reals) -> Reals:
        return np.pad(counts, (0, len(self.known) - len(counts)))

    def _covariance(self, radio: float, homes: float, each: float) -> Reals:
        one, two, three, rest = self._parts
        return np.asarray(radio**2 * one + homes**2 * two + each**2 * three + rest)

    def likelihood(self, *spreads: float) -> float:
        """The logarithm, but for a constant."""
        size = len(self.known)
        wider = np.pad(self._covariance(*spreads), (0, 1))
        wider[size, :size] = self.known
        wider[size, size] = FAR
        root = np.linalg.cholesky(wider)  # its last row is `known` divided by the others
        return float(-np.square(root[size, :size]).sum() / 2 - np.log(np.diag(root)[:size]).sum())

    def solved(self, radio: float, homes: float, each: float) -> tuple[Reals, Reals, Reals]:
        """e [zone of the block, near zone], h and v [zone of the block]."""
        weight = np.linalg.solve(self._covariance(radio, homes, each), self.known)
        counts = weight[: len(self.counts)]
        away = counts @ self.by_away
        e = self.heard.expected(self._moved, counts / self.counts, radio)
        return e, self._of_homes(homes) @ weight, each**2 * away[self.heard.own] + OF_ALL**2 * away.sum()

    def _of_homes(self, homes: float) -> Reals:
        own = self.heard.own
        return np.asarray(self._prior(homes)[:, None] * self.by_home[:, own].T)

    def _prior(self, homes: float) -> Reals:
        """The variance of h: who happens to be in the panel is chance too."""
        return homes**2 + 1 / self.persons[self.heard.rows]

    def learned(self, matrix: Reals, radio: float, homes: float, each: float) -> Learned:
        """What remains open, by the last M'."""
        precision = np.asarray(np.linalg.inv(self._covariance(radio, homes, each)))
        known = self._of_homes(homes)
        return Learned(
            replace(self.heard, matrix=matrix), radio, self._moved, self.counts, precision, known, self._prior(homes)
        )


def corrected(matrix: Reals, e: Singles) -> Reals:
    """M' of the plans' M."""
    sent = matrix * np.exp(e)
    sent /= 1 + sent.sum(axis=0) - matrix.sum(axis=0)
    return np.asarray(sent)


def equations(
    matrix: Reals, night: Night, e: Singles, homes: Reals, away: Reals, patterns: Sequence[Halves]
) -> Iterator[Equations]:
    """The night around what is known so far."""
    heard = corrected(matrix, e)
    persons, others = night.expected(heard, homes, away)
    variances = night.variances + heard @ persons - np.einsum("at,at,t->a", heard, heard, persons)
    shifted = np.einsum("at,at->t", heard, e)
    for first in range(0, len(persons), BLOCK):
        rows = slice(first, first + BLOCK)
        part = Heard(heard, rows, patterns)
        near = part.near
        sent = part.share * persons[near]
        counts = np.maximum(sent.sum(axis=1), LEAST)
        by_home, by_away = sent / counts[:, None] * (1 - others[near]), sent / counts[:, None] * others[near]
        apart = (sent * (e[rows][:, near] - shifted[near])).sum(axis=1) / counts
        apart += _surplus(night.counted[rows], counts) + by_home @ homes[near] + by_away @ away[near]
        share, sums = night.sums_within(rows)
        known = np.zeros((len(share), len(near)))
        known[:, part.own] = share
        yield Equations(
            part,
            persons,
            counts,
            np.concatenate([by_home, known]),
            by_away,
            np.concatenate([apart, np.zeros(len(sums))]),
            np.concatenate([np.clip(variances[rows] / counts**2, EXACT, 1 / EXACT), sums]),
        )


def _surplus(counted: Reals, expected: Reals) -> Reals:
    """The logarithm of what is counted for what is expected, linear below 0; 0 where nobody is expected."""
    ratio = np.where(expected > LEAST, counted, 1) / np.where(expected > LEAST, expected, 1)
    return np.where(ratio > 1, np.log(np.maximum(ratio, 1)), ratio - 1)
