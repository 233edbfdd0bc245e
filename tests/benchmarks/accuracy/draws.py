"""Releases of a city: drawn with the production noise, and the same ones without noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, partial

import numpy as np
import pyarrow as pa

from tasks.period import Period
from tasks.policy import Policy
from tasks.privacy.bounds import Contributions, Integers
from tasks.privacy.derived import StoredRelease, derive
from tasks.privacy.measured import Measured
from tasks.privacy.noise import Noise, production_noise
from tasks.products import registry
from tasks.products.draw import counted
from tasks.products.spec import Count, CountContext, DataProduct, DerivedProduct, Product, PublicContext
from tasks.release import facts_of, rules_of
from tasks.store.ledger import ReleaseKey
from tests.benchmarks.accuracy.city import City

NEARLY_NONE = Decimal("1e-6")
"""Of each sigma, so that statistics take numbers without noise for exact ones."""


class NoNoise:
    """The noise source of the statistic without noise."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        """Zeros."""
        return np.zeros(size, np.int64)


@dataclass(frozen=True)
class Pair:
    """Tables of one release: as it is drawn, and without noise over the same keys."""

    noisy: pa.Table
    plain: pa.Table


@dataclass
class _Stages:
    """Gives the later stages without noise what those with noise saw, so that both choose the same keys."""

    seen: list[dict[str, Measured]] = field(default_factory=list)

    def record(self, count: Count, context: CountContext) -> Sequence[Contributions]:
        """Count by noisy levels, and keep them."""
        self.seen.append(dict(context.drawn))
        return count(context)

    def replay(self, count: Count, number: int, context: CountContext) -> Sequence[Contributions]:
        """Count by the noisy levels that were kept."""
        return count(replace(context, drawn=self.seen[number]))


@dataclass(frozen=True)
class Draws:
    """Releases of a city under one policy; the lake's rows are the same under every policy."""

    city: City
    policy: Policy
    _made: dict[tuple[str, Period], Pair] = field(default_factory=dict)

    def release(self, product: Product, period: Period) -> Pair:
        """A release of a period, drawn once."""
        key = product.part, period
        if key not in self._made:
            self._made[key] = (
                self._derived(product, period) if isinstance(product, DerivedProduct) else self._drawn(product, period)
            )
        return self._made[key]

    def _drawn(self, product: DataProduct, period: Period) -> Pair:
        rules = {rule.name: rule for rule in rules_of(product, period, self.policy)}
        context = replace(self.city.context(product, period), rules=rules)
        product, stages = product.by_levels(rules), _Stages()
        first, *later = product.counts
        noisy = _with(product, context, [first, *(partial(stages.record, count) for count in later)], self._noise)
        replayed = [partial(stages.replay, count, number) for number, count in enumerate(later)]
        sure = {name: replace(rule, sigma=rule.sigma * NEARLY_NONE) for name, rule in rules.items()}
        return Pair(noisy, _with(product, replace(context, rules=sure), [first, *replayed], NoNoise()))

    @cached_property
    def _noise(self) -> Noise:
        return production_noise()

    def _derived(self, product: DerivedProduct, period: Period) -> Pair:
        inputs = [
            (name, each, self.release(registry.product(name, each.cadence), each))
            for name, each in product.inputs(period)
        ]
        return Pair(
            self._computed(product, period, [(name, each, pair.noisy) for name, each, pair in inputs]),
            self._computed(product, period, [(name, each, pair.plain) for name, each, pair in inputs]),
        )

    def _computed(
        self, product: DerivedProduct, period: Period, tables: Sequence[tuple[str, Period, pa.Table]]
    ) -> pa.Table:
        """A derived release, from tables of its inputs."""
        public = PublicContext(period, self.city.zones, self.policy.time.local)
        stored = [self._stored(registry.product(name, each.cadence), each, table) for name, each, table in tables]
        keys = {level.name: partial(level.keys, public) for level in product.levels}
        derivation: Callable[..., object] = partial(product.derive, public)
        return derive(stored, derivation, keys, product.share_within).table  # type: ignore[arg-type]

    def _stored(self, product: Product, period: Period, table: pa.Table) -> StoredRelease:
        key = ReleaseKey(product.name, product.version, str(period), 1)
        return StoredRelease(str(key), "", table, facts_of(self.policy), rules_of(product, period, self.policy))


def _with(product: DataProduct, context: CountContext, counts: Sequence[Count], noise: Noise) -> pa.Table:
    return counted(replace(product, counts=tuple(counts)), context, noise)().table
