"""Which keys of a product's levels share sums, and which lie within others: from their dimensions alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.privacy.bounds import Integers, defect
from tasks.privacy.consistency import Relation
from tasks.products.spec import Level, Mask, PublicContext

AT_ONCE = 1 << 20
"""Keys that are looked at together: a nation has millions of pairs of zones."""


@dataclass(frozen=True)
class Shared:
    """One column that two levels share: their axes, and the group of each value of both."""

    axes: tuple[int, int]
    values: tuple[Integers, Integers]

    @property
    def count(self) -> int:
        """The number of groups."""
        return max(int(values.max(initial=-1)) for values in self.values) + 1


def relation(
    public: PublicContext,
    first: Level,
    second: Level,
    at_least: bool = False,
    chosen: Mapping[str, Integers] | None = None,
) -> Relation:
    """Sums of two levels for each value of all that they share; a zone counts in its district if the other has those.

    `chosen`: keys of sparse levels. Groups of which not all keys are chosen share nothing.
    """
    shared = _shared(public, first, second)
    groups, whole = [], []
    for side, level in enumerate((first, second)):
        keys = (chosen or {}).get(level.name)
        groups.append(_groups(public, level, shared, side, keys))
        whole.append(_whole(public, level, shared, side, groups[-1]))
    kept = whole[0] & whole[1]
    number = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    return Relation(first.name, second.name, number[groups[0]], number[groups[1]], at_least)


def keys_within(public: PublicContext, fine: Level, coarse: Level, mask: Mask) -> Integers:
    """Every flat key of `fine` in groups that `coarse` shares with it, where any of its keys in `mask` is true.

    `mask`: over the shape of `coarse`. Such a choice leaves no group in parts, so that sums stay consistent.
    """
    shared = _shared(public, coarse, fine)
    inside = np.zeros(math.prod(each.count for each in shared), np.bool_)
    inside[_groups(public, coarse, shared, 0)[mask.ravel()]] = True
    size = math.prod(fine.shape(public))
    parts = (np.arange(start, min(start + AT_ONCE, size)) for start in range(0, size, AT_ONCE))
    within = np.concatenate([part[inside[_groups(public, fine, shared, 1, part)]] for part in parts])
    return np.setdiff1d(within, _impossible(public, fine), assume_unique=True)


def flat_keys(public: PublicContext, level: Level, rows: pa.Table) -> Integers:
    """The flat key of each row of a release's level."""
    found = [
        pc.index_in(rows[each.name].cast(each.type), value_set=each.array(public)).to_numpy()
        for each in level.dimensions
    ]
    flat: Integers = np.ravel_multi_index([each.astype(np.int64) for each in found], level.shape(public))
    return flat


def attribute_groups(public: PublicContext, level: Level, chosen: Integers | None = None) -> Integers:
    """Each key's combination of attributes: of the dimensions that are neither places nor instants."""
    own = [n for n, each in enumerate(level.dimensions) if not each.granted_by and not pa.types.is_timestamp(each.type)]
    shape = level.shape(public)
    return _groups(public, level, [Shared((n, n), (np.arange(shape[n]),) * 2) for n in own], 0, chosen)


def _shared(public: PublicContext, first: Level, second: Level) -> list[Shared]:
    """The columns that both levels have."""
    names = [{d.name: n for n, d in enumerate(level.dimensions)} for level in (first, second)]
    sides = [_values(public, first, names[1]), _values(public, second, names[0])]
    found = [Shared((one[0], other[0]), (one[1], other[1])) for name, one in sides[0].items()
             for other in [sides[1].get(name)] if other]  # fmt: skip
    for each in found:
        if not np.array_equal(np.unique(each.values[0]), np.unique(each.values[1])):
            raise defect(f"{first.name} and {second.name} share a column of other values")
    return found


def _values(public: PublicContext, level: Level, others: dict[str, int]) -> dict[str, tuple[int, Integers]]:
    """Axis and groups of each of a level's columns, by name; of a zone its district's, if the other level has that."""
    found: dict[str, tuple[int, Integers]] = {}
    shape = level.shape(public)
    for axis, dimension in enumerate(level.dimensions):
        district = dimension.name.replace("zone_id", "district_id")
        if dimension.granted_by == "zone" and dimension.name not in others and district in others:
            found[district] = axis, public.zones.district.astype(np.int64)
        else:
            found[dimension.name] = axis, np.arange(shape[axis])
    return found


def _groups(
    public: PublicContext, level: Level, shared: list[Shared], side: int, chosen: Integers | None = None
) -> Integers:
    """The group of each key, or of each chosen one."""
    shape = level.shape(public)
    indexes = np.ogrid[tuple(map(slice, shape))] if chosen is None else np.unravel_index(chosen, shape)
    size = shape if chosen is None else chosen.shape
    groups = np.zeros((1,) * len(size), np.int64)
    for each in shared:
        groups = groups * each.count + each.values[side][indexes[each.axes[side]]]
    return np.broadcast_to(groups, size).ravel()


def _whole(public: PublicContext, level: Level, shared: list[Shared], side: int, groups: Integers) -> Mask:
    """Which groups have all their keys."""
    shape = level.shape(public)
    counts = [np.bincount(each.values[side], minlength=each.count) for each in shared]
    rest = math.prod(shape) // math.prod(shape[each.axes[side]] for each in shared) if math.prod(shape) else 0
    sizes = reduce(lambda one, other: np.multiply.outer(one, other).ravel(), counts, np.array([rest]))
    sizes = sizes - np.bincount(_groups(public, level, shared, side, _impossible(public, level)), minlength=sizes.size)
    whole: Mask = np.bincount(groups, minlength=sizes.size) == sizes
    return whole & (sizes > 0)


def _impossible(public: PublicContext, level: Level) -> Integers:
    """Flat keys, ascending, with one value in two dimensions that differ in every key."""
    if level.apart is None:
        return np.zeros(0, np.int64)
    shape, (one, other) = level.shape(public), ([d.name for d in level.dimensions].index(name) for name in level.apart)
    collapsed = [np.arange(1 if axis == other else size) for axis, size in enumerate(shape)]
    indexes = list(np.meshgrid(*collapsed, indexing="ij"))
    indexes[other] = indexes[one]
    return np.sort(np.ravel_multi_index(indexes, shape).ravel())
