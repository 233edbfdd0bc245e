"""Least squares over noisy levels that count the same persons, so that their sums agree.

Any number of levels may share sums, each in any number of relations. With C the relations' equations, V the variances
and G = (C V C')^-, the estimate is x - V C' G C x and its covariance V - V C' G C V (generalised least squares; model:
ResidualPlanner, arXiv 2305.08175). Relations that share no key are solved apart; one relation alone in closed form.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tasks.privacy.active_set import TOLERANCE, multipliers
from tasks.privacy.block_matrix import Batch, BlockMatrix, Mask, block_matrix
from tasks.privacy.bounds import Integers, Reals, defect
from tasks.privacy.measured import Errors, Measured, group_sums


@dataclass(frozen=True)
class Relation:
    """Two levels that share sums: in each group, the keys of both levels have the same sum.

    `first_groups`, `second_groups`: the group of each key in draw order, 0 to G-1, or -1 for none.
    """

    first: str
    second: str
    first_groups: Integers
    second_groups: Integers
    at_least: bool = False
    """The first sum is at least the second one, instead of equal."""

    def check(self, first_size: int, second_size: int) -> None:
        """Raise StepFailed unless each key has a group or -1, and each group has keys in both levels."""
        if self.first == self.second:
            raise defect(f"{self.first} shares sums with itself")
        for name, groups, size in (
            (self.first, self.first_groups, first_size),
            (self.second, self.second_groups, second_size),
        ):
            if groups.dtype != np.int64 or groups.shape != (size,) or groups.min(initial=0) < -1:
                raise defect(f"{name} needs one int64 group a key, -1 for none")
        groups = np.union1d(self.first_groups, self.second_groups)
        known = np.arange(groups.max(initial=-1) + 1)
        for name, groups in ((self.first, self.first_groups), (self.second, self.second_groups)):
            if not np.array_equal(np.setdiff1d(groups, [-1]), known):
                raise defect(f"{name} has no key of some group")


def make_consistent(measured: Mapping[str, Measured], relations: Sequence[Relation]) -> dict[str, Measured]:
    """The least-squares estimates of independent levels under these relations.

    Where an inequality does not hold, the values are projected onto it, weighted by variances. Variances stay those
    without inequalities: no error is larger than they say (docs/adr/0066). Such values are biased: sums over releases
    take `unbiased` instead.
    """
    for relation in relations:
        relation.check(*(measured[name].values.size for name in (relation.first, relation.second)))
    system = _System(dict(measured), tuple(relations))
    at_least, matrix = system.at_least, system.matrix
    gain = matrix.each(lambda batch: batch.inverse(~at_least))
    residuals = system.residuals
    unbiased = gain.times(residuals)
    steps, left = unbiased.copy(), residuals - matrix.times(unbiased)
    violated = at_least & (left < -TOLERANCE * (1 + np.abs(residuals)))
    for batch in matrix.batches:
        _project(batch, steps, residuals, at_least, violated)
    return {name: system.moved(name, steps, unbiased, gain) for name in measured}


def _project(batch: Batch, steps: Reals, residuals: Reals, at_least: Mask, violated: Mask) -> None:
    """Set the steps of blocks in which an inequality does not hold."""
    blocks = np.flatnonzero(violated[batch.members].any(axis=1))
    if batch.members.shape[1] == 1:  # closed form: it becomes an equation
        only = batch.members[blocks, 0]
        steps[only] = residuals[only] / batch.entries[blocks, 0, 0]
        return
    for block in blocks:
        members = batch.members[block]
        steps[members] = multipliers(batch.entries[block], residuals[members], at_least[members])


@dataclass(frozen=True, eq=False)
class _System:
    """The equations of all relations, one a group, numbered one after the other."""

    measured: dict[str, Measured]
    relations: tuple[Relation, ...]

    @property
    def sizes(self) -> list[int]:
        """The number of each relation's groups."""
        return [int(relation.first_groups.max(initial=-1)) + 1 for relation in self.relations]

    @property
    def at_least(self) -> Mask:
        """Which equations are inequalities."""
        return np.repeat(np.array([relation.at_least for relation in self.relations], np.bool_), self.sizes)

    def equations(self, name: str) -> Iterator[tuple[int, Integers]]:
        """Of a level: each relation's sign, and each key's equation in it or -1."""
        starts = np.cumsum([0, *self.sizes])
        for start, relation in zip(starts, self.relations, strict=False):
            for level, sign, groups in (
                (relation.first, 1, relation.first_groups),
                (relation.second, -1, relation.second_groups),
            ):
                if level == name:
                    yield sign, np.where(groups >= 0, groups + start, -1)

    @property
    def residuals(self) -> Reals:
        """By how much the two sides of each equation differ."""
        result = np.zeros(sum(self.sizes))
        for name, level in self.measured.items():
            for sign, equation in self.equations(name):
                result += sign * group_sums(equation, level.values.ravel(), result.size)
        return result

    @property
    def matrix(self) -> BlockMatrix:
        """The covariance of the residuals."""
        rows, columns, values, size = [], [], [], sum(self.sizes)
        for name, level in self.measured.items():
            own = list(self.equations(name))
            for (one_sign, one), (other_sign, other) in [*zip(own, own, strict=True), *combinations(own, 2)]:
                both = (one >= 0) & (other >= 0)
                place, inverse = np.unique(
                    np.minimum(one[both], other[both]) * size + np.maximum(one[both], other[both]), return_inverse=True
                )
                rows.append(place // size)
                columns.append(place % size)
                values.append(one_sign * other_sign * np.bincount(inverse, level.variances.ravel()[both], place.size))
        whole = (np.concatenate([np.zeros(0), *each]) for each in (rows, columns, values))
        row, column, value = whole
        return block_matrix(size, row.astype(np.int64), column.astype(np.int64), value)

    def moved(self, name: str, steps: Reals, unbiased: Reals, gain: BlockMatrix) -> Measured:
        """A level after its steps; keys without an equation stay as they are."""
        level, equations = self.measured[name], tuple(self.equations(name))
        before, shape = level.variances.ravel(), level.values.shape
        errors = Errors(before, equations, gain)
        after = before - errors.gained(np.arange(before.size), np.ones(before.size), before.size)
        # index -1 reads the zero that is appended
        values, plain = (
            level.values.ravel() - sum(sign * before * np.append(by, 0.0)[equation] for sign, equation in equations)
            for by in (steps, unbiased)
        )
        bounded = any(each.at_least and name in (each.first, each.second) for each in self.relations)
        return Measured(
            values.reshape(shape),
            np.maximum(after, 0.0).reshape(shape),
            errors,
            plain.reshape(shape) if bounded else None,
        )
