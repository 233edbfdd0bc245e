"""A product's release: counted now, drawn by the call that is returned."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tasks.privacy.noise import Noise
from tasks.privacy.protect import LaterStage, ProtectedCounts, protect
from tasks.products.spec import Count, CountContext, DataProduct


def counted(product: DataProduct, context: CountContext, noise: Noise) -> Callable[[], ProtectedCounts]:
    """Count all that needs no noise; the returned call draws, makes consistent and suppresses."""
    first, *later = product.counts
    return partial(
        protect,
        first(context),
        tuple(context.rules.values()),
        {level.name: level.keys(context) for level in product.levels},
        noise,
        product.consistency(context),
        product.statuses(context),
        [_stage(count, context) for count in later],
    )


def _stage(count: Count, context: CountContext) -> LaterStage:
    return lambda drawn: count(replace(context, drawn=dict(drawn)))
