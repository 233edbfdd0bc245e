"""A level of a release as an array over its dimensions, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Values and variances by the level's dimensions; keys without a number have 0 of both."""

    names: tuple[str, ...]
    values: Reals
    variances: Reals
    rows: NDArray[np.int64]
    """Of the release, that are of this level and have a number."""
    cells: NDArray[np.int64]
    """The flat index of each of them."""

    def moved(self, *front: str) -> tuple[Reals, Reals]:
        """Values and variances with these dimensions first, and all others as one."""
        order = self._order(front)
        return _matrix(self.values, order, len(front)), _matrix(self.variances, order, len(front))

    def back(self, found: Reals, *front: str) -> Reals:
        """The numbers of the level's rows, of an array such as `moved` gave."""
        order = self._order(front)
        shape = [self.values.shape[axis] for axis in order]
        whole = np.broadcast_to(found, (*shape[: len(front)], int(np.prod(shape[len(front) :])))).reshape(shape)
        return np.asarray(whole.transpose(np.argsort(order)).ravel()[self.cells])

    def _order(self, front: Sequence[str]) -> list[int]:
        first = [self.names.index(name) for name in front]
        return [*first, *(axis for axis in range(len(self.names)) if axis not in first)]


def _matrix(array: Reals, order: Sequence[int], front: int) -> Reals:
    moved = array.transpose(order)
    return np.asarray(moved.reshape(*moved.shape[:front], -1))


def grid(release: pa.Table, level: str, dimensions: Mapping[str, Sequence[object]]) -> Grid:
    """The rows of a level by all values of its dimensions."""
    wanted = pc.and_(pc.equal(release["level"], level), pc.is_valid(release["value"]))
    rows = np.flatnonzero(np.asarray(wanted)).astype(np.int64)
    some, cells, shape = release.take(pa.array(rows)), np.zeros(len(rows), np.int64), []
    for name, values in dimensions.items():
        index = pc.index_in(some[name], value_set=pa.array(values, some.schema.field(name).type))
        cells = cells * len(values) + np.asarray(index, np.int64)
        shape.append(len(values))
    filled = [np.zeros(int(np.prod(shape))) for _ in range(2)]
    filled[0][cells] = np.asarray(some["value"], np.float64)
    filled[1][cells] = np.asarray(some["se"], np.float64) ** 2
    return Grid(tuple(dimensions), filled[0].reshape(shape), filled[1].reshape(shape), rows, cells)
