"""A product's release: counted now, drawn by the call that is returned."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NoReturn

import numpy as np

from tasks.mobility.tables import LakeTable
from tasks.privacy.bounds import Integers, defect
from tasks.privacy.consistency import Relation
from tasks.privacy.noise import Noise
from tasks.privacy.protect import KeyFacts, LaterStage, ProtectedCounts, protect
from tasks.products.shared_sums import attribute_groups, relation
from tasks.products.spec import Count, CountContext, DataProduct, Level, Mask


def counted(product: DataProduct, context: CountContext, noise: Noise) -> Callable[[], ProtectedCounts]:
    """Count all that needs no noise; the returned call draws, makes consistent and suppresses."""
    product = product.by_levels(context.rules)
    first, *later = product.counts
    public = replace(context, eligible=context.eligible.slice(0, 0), rows=_no_rows)
    return partial(
        protect,
        first(context),
        tuple(context.rules.values()),
        key_facts(product, public, {}),
        noise,
        [_stage(count, context) for count in later],
        partial(key_facts, product, public),
        partial(product.summarise, public),
    )


def key_facts(product: DataProduct, public: CountContext, chosen: Mapping[str, Integers]) -> KeyFacts:
    """The facts of a product's levels; of sparse ones by their chosen flat keys, and only of those that have some."""
    levels = [level for level in product.released if not level.sparse or level.name in chosen]
    statuses = product.statuses(public)
    return KeyFacts(
        {level.name: level.keys(public, chosen.get(level.name)) for level in levels},
        {
            level.name: [(status, _of(mask, level, public, chosen)) for status, mask in statuses[level.name]]
            for level in levels
            if level.name in statuses
        },
        {level.name: attribute_groups(public, level, chosen.get(level.name)) for level in levels},
        tuple(_relations(product, public, chosen)),
        product.share_within,
    )


def _of(mask: Mask, level: Level, public: CountContext, chosen: Mapping[str, Integers]) -> Mask:
    """A status of a level's keys, or of the chosen ones: the product gives it over all keys."""
    if level.name not in chosen:
        return mask
    return mask[np.unravel_index(chosen[level.name], level.shape(public))]


def _relations(product: DataProduct, public: CountContext, chosen: Mapping[str, Integers]) -> Iterator[Relation]:
    for pairs, at_least in ((product.same_persons, False), (product.at_least, True)):
        for first, second in pairs:
            if all(not level.sparse or level.name in chosen for level in (first, second)):
                yield relation(public, first, second, at_least, chosen)


def _no_rows(table: LakeTable) -> NoReturn:
    """Statuses are released without noise: they follow from public facts alone."""
    raise defect(f"statuses of a product cannot read {table.name}")


def _stage(count: Count, context: CountContext) -> LaterStage:
    return lambda drawn: count(replace(context, drawn=dict(drawn)))
