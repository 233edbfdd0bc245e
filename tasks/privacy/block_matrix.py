"""Symmetric matrices that are zero between indexes of different blocks: few large arrays instead of one huge one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tasks.privacy.bounds import Integers, Reals

Mask = npt.NDArray[np.bool_]

SINGULAR = 1e-10
"""Eigenvalues below this share of the largest are zero: those of equations that follow from others."""
AT_ONCE = 1 << 22
"""Pairs of entries that are looked at together."""


@dataclass(frozen=True)
class Batch:
    """All blocks of one size."""

    members: Integers
    """Blocks x size: the indexes of each block."""
    entries: Reals
    """Blocks x size x size."""

    def inverse(self, used: Mask) -> Reals:
        """A generalised inverse of each block, over its used members; zero elsewhere.

        Scaled to a unit diagonal first: a row that is small beside others is no dependent one.
        """
        kept = used[self.members]
        diagonal = np.einsum("bii->bi", self.entries)
        scale = np.where(kept, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)
        scaled = _doubly(self.entries, scale)
        if self.members.shape[1] == 1:  # closed form: one relation only
            return _doubly(scaled, scale)
        return _doubly(np.asarray(np.linalg.pinv(scaled, rcond=SINGULAR, hermitian=True), np.float64), scale)


def _doubly(entries: Reals, scale: Reals) -> Reals:
    """Each block with its rows and columns scaled."""
    scaled: Reals = entries * scale[:, :, None] * scale[:, None, :]
    return scaled


@dataclass(frozen=True)
class BlockMatrix:
    """A symmetric matrix over indexes 0 to `size` - 1, by its blocks; every index is in one of them."""

    size: int
    batches: tuple[Batch, ...]

    @cached_property
    def _places(self) -> tuple[Integers, Integers, Integers]:
        """Each index's batch, block within it, and place within that."""
        batch, block, place = (np.zeros(self.size, np.int64) for _ in range(3))
        for number, each in enumerate(self.batches):
            blocks, size = each.members.shape
            batch[each.members] = number
            block[each.members] = np.arange(blocks)[:, None]
            place[each.members] = np.arange(size)
        return batch, block, place

    def each(self, change: Callable[[Batch], Reals]) -> "BlockMatrix":
        """The same blocks with other entries."""
        return BlockMatrix(self.size, tuple(Batch(batch.members, change(batch)) for batch in self.batches))

    def times(self, vector: Reals) -> Reals:
        """The product with a vector."""
        result = np.zeros(self.size)
        for batch in self.batches:
            result[batch.members] = np.einsum("bij,bj->bi", batch.entries, vector[batch.members])
        return result

    def forms(self, row: Integers, column: Integers, value: Reals, rows: int) -> Reals:
        """The quadratic form u' M u of each row u of a sparse matrix; entries of one place add up."""
        batch, block, place = self._places
        result = np.zeros(rows)
        for number, each in enumerate(self.batches):
            of, blocks, size = batch[column] == number, *each.members.shape
            cells = (row[of] * blocks + block[column[of]]) * size + place[column[of]]
            cell, inverse = np.unique(cells, return_inverse=True)
            summed, vector = np.bincount(inverse, value[of], cell.size), cell // size
            for one, other in _same(vector):
                entries = each.entries[vector[one] % blocks, cell[one] % size, cell[other] % size]
                result += np.bincount(vector[one] // blocks, summed[one] * summed[other] * entries, rows)
        return result


def block_matrix(size: int, row: Integers, column: Integers, value: Reals) -> BlockMatrix:
    """The symmetric matrix of these entries, each given once, on or above the diagonal; entries of one place add up.

    Indexes that an entry joins are in one block.
    """
    _, block = np.unique(_connected(size, row, column), return_inverse=True)
    order, sizes = np.argsort(block, kind="stable"), np.bincount(block, minlength=0)
    starts, place = np.cumsum(sizes) - sizes, np.empty(size, np.int64)
    place[order] = np.arange(size) - starts[block[order]]
    return BlockMatrix(
        size,
        tuple(
            _batch(order[starts[sizes == n][:, None] + np.arange(n)], np.cumsum(sizes == n) - 1, block, place, entries)
            for n in np.unique(sizes)
            for entries in [tuple(each[sizes[block[row]] == n] for each in (row, column, value))]
        ),
    )


def _batch(
    members: Integers, number: Integers, block: Integers, place: Integers, entries: tuple[Integers, Integers, Reals]
) -> Batch:
    """Dense blocks of one size; `number`: each block's number among them."""
    (count, n), (row, column, value) = members.shape, entries
    flat = (number[block[row]] * n + place[row]) * n + place[column]
    upper = np.bincount(flat, value, count * n * n).reshape(count, n, n).astype(np.float64)
    whole: Reals = upper + np.where(np.eye(n, dtype=np.bool_), 0.0, upper).swapaxes(1, 2)
    return Batch(members, whole)


def _connected(size: int, one: Integers, other: Integers) -> Integers:
    """The least index that each index is joined with, directly or through others."""
    label = np.arange(size)
    while True:
        least, lower = np.minimum(label[one], label[other]), label.copy()
        for end in (one, other):
            np.minimum.at(lower, end, least)
            np.minimum.at(lower, label[end], least)
        lower = lower[lower]
        if np.array_equal(lower, label):
            return label
        label = lower


def _same(vector: Integers) -> Iterator[tuple[Integers, Integers]]:
    """All pairs of positions with equal values, of ascending values; in parts of bounded size."""
    first = np.searchsorted(vector, vector)
    count = np.searchsorted(vector, vector, side="right") - first
    total, start = np.cumsum(count), 0
    while start < vector.size:
        stop = max(start + 1, int(np.searchsorted(total, total[start] - count[start] + AT_ONCE)))
        some = count[start:stop]
        one = np.repeat(np.arange(start, start + some.size), some)
        yield one, first[one] + np.arange(one.size) - np.repeat(np.cumsum(some) - some, some)
        start += some.size
