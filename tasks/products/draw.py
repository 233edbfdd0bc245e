"""A product's release: counted now, drawn by the call that is returned."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NoReturn

from tasks.mobility.tables import LakeTable
from tasks.privacy.bounds import defect
from tasks.privacy.noise import Noise
from tasks.privacy.protect import LaterStage, ProtectedCounts, protect
from tasks.products.spec import Count, CountContext, DataProduct


def counted(product: DataProduct, context: CountContext, noise: Noise) -> Callable[[], ProtectedCounts]:
    """Count all that needs no noise; the returned call draws, makes consistent and suppresses."""
    first, *later = product.counts
    public = replace(context, eligible=context.eligible.slice(0, 0), rows=_no_rows)
    return partial(
        protect,
        first(context),
        tuple(context.rules.values()),
        {level.name: level.keys(context) for level in product.levels},
        noise,
        product.consistency(public),
        product.statuses(public),
        [_stage(count, context) for count in later],
    )


def _no_rows(table: LakeTable) -> NoReturn:
    """Statuses and hierarchies are released without noise: they follow from public facts alone."""
    raise defect(f"statuses and consistency of a product cannot read {table.name}")


def _stage(count: Count, context: CountContext) -> LaterStage:
    return lambda drawn: count(replace(context, drawn=dict(drawn)))
