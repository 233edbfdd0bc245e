"""Unfolding: from counts by the zone of the serving cell to counts by the true zone. Post-processing of a release.

With y = M x + errors, M the confusion matrix and G its regularised inverse, the estimate is x = G y. Its variance holds
the noise of y and the chance of the assignment, which is multinomial within each true zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.estimate.gains import Gains

Reals = NDArray[np.float64]
Bools = NDArray[np.bool_]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

LEAST = 1e-9
"""Less than any share or number of persons that counts."""
KINDS = 2
"""Other radio models are of two independent kinds, equally many of each: their mean squares add up."""
OPPOSITE = (1, 3)
"""Pairs of models that err in opposite directions begin here: exponents, and beam widths."""
MOST = 1.0
"""More does not count of what two such models differ by (logarithm): it is of small shares."""
ROUNDS = 8
"""Refinements by which another model is solved: each leaves less than a third of the error."""
SMALLEST = 0.1
"""Least size of a place beside the mean one: counts decide of small places too."""
MOST_NOISE, LEAST_RESOLUTION = 3.0, 0.6
"""A zone is weak where unfolding multiplies noise by more, or gives less of a change in the zone to the zone itself."""


@dataclass(frozen=True)
class ShareMatrix:
    """A confusion matrix [assigned place, true place] by its non-zero elements."""

    assigned: Ints
    true: Ints
    share: Reals
    places: int

    def __matmul__(self, persons: Reals) -> Reals:
        """Expected counts [assigned place, column] of persons [true place, column]."""
        sent = self.share[:, None] * persons[self.true]
        return np.stack([np.bincount(self.assigned, column, self.places) for column in sent.T], axis=1)

    @property
    def dense(self) -> Reals:
        """As a matrix, which is not kept: of a national plan it has 72 MB."""
        found = np.zeros((self.places, self.places))
        found[self.assigned, self.true] = self.share
        return found

    def of_groups(self, group: Ints, persons: Reals) -> "ShareMatrix":
        """The same between groups of places, over which the persons [true place] are spread."""
        size = int(group.max()) + 1
        cell = group[self.assigned] * size + group[self.true]
        sent, whole = np.bincount(cell, self.share * persons[self.true], size * size), np.bincount(group, persons)
        some = np.flatnonzero(sent)
        assigned, true = np.divmod(some, size)
        return ShareMatrix(assigned, true, np.asarray(sent[some] / whole[true], np.float64), size)


@dataclass(frozen=True)
class Unfolded:
    """Estimates by true place: values, their variance, and the mean square of what other radio models change."""

    values: Reals
    """[place, column], like the variances."""
    variances: Reals
    model: Reals


@dataclass(frozen=True)
class Unfolding:
    """Confusion matrices of one set of places by plausible radio models; the first is used."""

    models: Sequence[ShareMatrix]
    gains: tuple[Gains, Reals] | None = None
    """From nights, and persons [true place]: in place of what other models change."""
    grouped: Reals | None = None
    """Shifts of groups of places."""
    residents: Reals | None = None
    """[true place] what the solution follows, in proportion, where counts cannot tell places apart; None: nobody."""

    @cached_property
    def shifts(self) -> Reals | None:
        """[place, any] independent relative errors."""
        return self.gains[0].shifts(self.inverse, self.gains[1]) if self.gains else self.grouped

    @property
    def radio(self) -> Reals:
        """[place] relative variance by the shifts."""
        return np.zeros(self.models[0].places) if self.shifts is None else np.square(self.shifts).sum(axis=1)

    @property
    def chance(self) -> float:
        """Variance of counts for each person in them, as antennas serve by chance."""
        model = self.models[0]
        sent = model.share * self._size[model.true]
        return float(sent @ (1 - model.share) / max(float(sent.sum()), LEAST))

    def learnt(self, gains: Gains, persons: Reals) -> "Unfolding":
        """With what nights teach; `persons` [true place]."""
        assigned, true = np.nonzero(gains.matrix)
        model = ShareMatrix(assigned, true, gains.matrix[assigned, true], len(persons))
        return Unfolding([model], (gains, persons), None, self.residents)

    @cached_property
    def inverse(self) -> Reals:
        """G: [true place, assigned place] of the first model, six steps of a scaled Landweber iteration.

        A step spreads what counts have beside those expected over true places, as who is expected in each is counted.
        Early stopping regularises: directions that M shrinks much follow what is expected.
        """
        matrix, size = self.models[0].dense.astype(np.float32), self._size.astype(np.float32)
        seen = np.maximum(matrix.sum(axis=0), np.float32(LEAST))
        step = (size / seen)[:, None] * matrix.T / np.maximum(matrix @ size, np.float32(LEAST))
        left = -(step @ matrix)
        left[np.diag_indices_from(left)] += 1
        two = step + left @ step
        left = left @ left
        return np.asarray(two + left @ (two + left @ two), np.float64)

    @property
    def _size(self) -> Reals:
        """[true place] residents beside their mean: places that counts cannot distinguish share by size."""
        if self.residents is None:
            return np.ones(self.models[0].places)
        return np.asarray(np.maximum(self.residents / max(float(self.residents.mean()), 1e-9), SMALLEST))

    @cached_property
    def weak(self) -> Bools:
        """Places that cannot be distinguished from others."""
        noise = np.sqrt(np.square(self.inverse).sum(axis=1))
        return np.asarray((noise > MOST_NOISE) | (np.diagonal(self._kept) < LEAST_RESOLUTION))

    @cached_property
    def _kept(self) -> Singles:
        """[true place, true place] what the solution makes of persons."""
        return self.inverse.astype(np.float32) @ self.models[0].dense.astype(np.float32)

    def __call__(self, values: Reals, variances: Reals) -> Unfolded:
        """Unfold columns of independent counts, [assigned place, column]."""
        before, squares = self._before(values), np.square(self.inverse)
        found = self._solved(values, before)
        noise = squares @ variances + self._untold(found, before)
        spread = noise + squares @ np.maximum(values, 0) - np.square(self._kept) @ np.maximum(found, 0)
        apart = [np.square(self._refined(model, values, found) - found) for model in self.models[1:]]
        model = (
            KINDS * np.mean(apart, axis=0) + _sited(found, values) if apart else self.radio[:, None] * np.square(found)
        )
        return Unfolded(found, np.maximum(spread, noise), model)

    def of_groups(self, group: NDArray[np.integer], persons: Reals) -> list["Unfolding"]:
        """The same between groups of places, one for each column of persons [place, column] that weights the places."""
        groups, weights = group.astype(np.int64), np.maximum(persons, 1.0).T
        return [
            Unfolding(
                [model.of_groups(groups, weight) for model in self.models],
                None,
                self._shifts_of(groups, weight),
                None if self.residents is None else np.bincount(groups, self.residents).astype(np.float64),
            )
            for weight in weights
        ]

    def _shifts_of(self, group: Ints, persons: Reals) -> Reals | None:
        if self.shifts is None:
            return None
        order = np.argsort(group, kind="stable")
        first = np.flatnonzero(np.diff(group[order], prepend=-1))
        there = self.shifts[order] * persons[order, None].astype(np.float32)  # a national plan has nine million
        found = np.add.reduceat(there, first, axis=0)
        return np.asarray(found / np.bincount(group, persons)[:, None])

    def solved(self, values: Reals) -> Reals:
        """Persons [true place, column] of counts [assigned place, column]."""
        return self._solved(values, self._before(values))

    def _before(self, values: Reals) -> Reals:
        """[true place, 1] persons as residents are spread, as many as the mean column counts."""
        if self.residents is None:
            return np.zeros((len(values), 1))
        persons = self.residents[:, None]
        counted = max(float((self.models[0] @ persons).sum()), 1e-9)
        return np.asarray(persons * max(float(values.mean(axis=1).sum()) / counted, 0.0))

    def _solved(self, values: Reals, before: Reals) -> Reals:
        """The solution: from before to the mean column, and from there to each."""
        mean = values.mean(axis=1, keepdims=True)
        usual = before + self.inverse @ (mean - self.models[0] @ before)
        usual = usual + self.inverse @ (mean - self.models[0] @ usual)
        return np.asarray(usual + self.inverse @ (values - self.models[0] @ usual))

    def _untold(self, found: Reals, before: Reals) -> Reals:
        """The variance of what counts do not tell: it differs from before as much as what they tell."""
        left, told = self._left_out
        return np.asarray(left[:, None] * np.square(found - before).sum(axis=0) / max(told, LEAST))

    @cached_property
    def _left_out(self) -> tuple[Reals, float]:
        """[true place] the square of persons that the solution leaves out or takes from others; that of all it finds.

        Persons differ from before in proportion to how many are expected.
        """
        square, left = np.square(self._size), -self._kept
        left[np.diag_indices_from(left)] += 1
        return np.square(left) @ square, float((np.square(self._kept) @ square).sum())

    def _refined(self, model: ShareMatrix, values: Reals, found: Reals) -> Reals:
        """The solution by another model, from that of the first."""
        for _ in range(ROUNDS):
            found = found + self.inverse @ (values - model @ found)
        return found


def _sited(found: Reals, values: Reals) -> Reals:
    """The square of half of what unfolding changes: plans spread persons evenly, but many live and work near sites."""
    counted = values * (found.sum(axis=0) / np.maximum(values.sum(axis=0), 1e-9))
    return np.asarray(np.square((found - counted) / 2))


def patterns(models: Sequence[ShareMatrix]) -> list[NDArray[np.float16]]:
    """[assigned place, true place] how models of other exponents, and of other beams, differ: logarithms."""
    return [_ratio(*models[first : first + 2]) for first in OPPOSITE if len(models) > first + 1]


def _ratio(one: ShareMatrix, other: ShareMatrix) -> NDArray[np.float16]:
    """The logarithm of one share divided by the other, 0 where one is missing."""
    whole, found = np.zeros((one.places, one.places), np.float32), np.zeros((one.places, one.places), np.float16)
    whole[one.assigned, one.true] = one.share
    share = whole[other.assigned, other.true]
    both = share > 0
    ratio = np.log(share[both] / other.share[both])
    found[other.assigned[both], other.true[both]] = np.clip(ratio, -MOST, MOST)
    return found


def unfolding(table: pa.Table, zone_ids: tuple[str, ...], residents: Reals | None = None) -> Unfolding:
    """Of a stored confusion matrix (model, assigned_zone, true_zone, share), without what is assigned outside."""
    zones = pa.array(zone_ids)
    names = (pc.index_in(table[name], zones).fill_null(-1) for name in ("assigned_zone", "true_zone"))
    assigned, true = (np.asarray(column, np.int64) for column in names)
    model, share = np.asarray(table["model"]), np.asarray(table["share"], np.float64)
    some = [(model == number) & (assigned >= 0) & (true >= 0) for number in np.unique(model)]
    models = [ShareMatrix(assigned[rows], true[rows], share[rows], len(zone_ids)) for rows in some]
    return Unfolding(models, residents=residents)
