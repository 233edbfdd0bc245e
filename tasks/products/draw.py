"""A product's release: counted now, drawn by the call that is returned."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.mobility.tables import LakeTable
from tasks.privacy.bounds import defect
from tasks.privacy.consistency import Hierarchy
from tasks.privacy.noise import Noise
from tasks.privacy.protect import LaterStage, ProtectedCounts, protect
from tasks.products.spec import Count, CountContext, DataProduct, Level, PublicContext


def counted(product: DataProduct, context: CountContext, noise: Noise) -> Callable[[], ProtectedCounts]:
    """Count all that needs no noise; the returned call draws, makes consistent and suppresses."""
    first, *later = product.counts
    public = replace(context, eligible=context.eligible.slice(0, 0), rows=_no_rows)
    return partial(
        protect,
        first(context),
        tuple(context.rules.values()),
        {level.name: level.keys(context) for level in product.released},
        noise,
        [hierarchy(public, *pair) for pair in product.same_persons],
        product.statuses(public),
        [_stage(count, context) for count in later],
        {level.name: attribute_groups(public, level) for level in product.levels},
        partial(product.summarise, public),
    )


def attribute_groups(public: PublicContext, level: Level) -> npt.NDArray[np.int64]:
    """Each key's combination of attributes: of the dimensions that are neither places nor instants."""
    shape, indexes = level.shape(public), np.indices(level.shape(public))
    axes = [
        n for n, each in enumerate(level.dimensions) if not each.granted_by and not pa.types.is_timestamp(each.type)
    ]
    if not axes:
        return np.zeros(math.prod(shape), np.int64)
    groups: npt.NDArray[np.int64] = np.ravel_multi_index([indexes[n].ravel() for n in axes], [shape[n] for n in axes])
    return groups


def hierarchy(public: PublicContext, first: Level, second: Level) -> Hierarchy:
    """Keys of both levels by district, and by each value of what both levels split by."""
    axes = [_by_district(public, level) for level in (first, second)]
    common = [name for name in axes[0] if name in axes[1]]
    shape = [max(int(axis[name].max()) for axis in axes) + 1 for name in common]
    groups = (np.ravel_multi_index([axis[name].ravel() for name in common], shape) for axis in axes)
    return Hierarchy(first.name, second.name, *groups)


def _by_district(public: PublicContext, level: Level) -> dict[str, npt.NDArray[np.int64]]:
    """The index of each key's value in each dimension; of a zone, that of its district."""
    district = public.zones.district.astype(np.int64)
    indexes = zip(level.dimensions, np.indices(level.shape(public)), strict=True)
    return {
        dimension.name.replace("zone_id", "district_id"): district[index] if dimension.granted_by == "zone" else index
        for dimension, index in indexes
    }


def _no_rows(table: LakeTable) -> NoReturn:
    """Statuses are released without noise: they follow from public facts alone."""
    raise defect(f"statuses of a product cannot read {table.name}")


def _stage(count: Count, context: CountContext) -> LaterStage:
    return lambda drawn: count(replace(context, drawn=dict(drawn)))
