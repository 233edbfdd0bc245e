"""publish(product, period): one release, drawn once, from the period's rows and its eligible list."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from tasks.count_context import count_context
from tasks.errors import Misconfigured, RefusedRelease
from tasks.period import Period
from tasks.privacy.noise import Noise
from tasks.products.draw import counted
from tasks.products.registry import check_made, of_period
from tasks.products.spec import DerivedProduct, Product
from tasks.refresh import LandingSide
from tasks.refs import Outcome, ReleaseRef
from tasks.release import (
    PendingDraw,
    ReleaseDraw,
    ReleaseInputs,
    check_clock,
    facts_of,
    privacy_cost,
    rules_of,
    utc_now,
)
from tasks.release_inputs import derivation_inputs, inputs_changed, inputs_now, pending_derivation
from tasks.step import step
from tasks.store import PseudonymisedStores
from tasks.store.audit import AuditEntry
from tasks.store.event_log import bind_lineage, release_lineage
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Release


class Publish:
    """Publishes releases; the noise source comes through the constructor, production's from `production_noise`.

    It reads neither registers nor pseudonym keys: `landing` does, in steps of its own zone.
    """

    def __init__(
        self, stores: PseudonymisedStores, noise: Noise, landing: LandingSide, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._stores = stores
        self._noise = noise
        self._landing = landing
        self._now = now
        self._release_draw = ReleaseDraw(stores)

    def __call__(
        self, product: str, period: str, revision_of: str | None = None, reason_id: int | None = None
    ) -> ReleaseRef:
        """Publish a period, or return the release that exists; only `revision_of` draws again.

        `reason_id` is the audit entry that says why.
        """
        of = Period.parse(period)
        made = of_period(product, of)
        check_made(made, self._stores.policy.policy.budget.leave_out)
        revision = self._revision(made, of, revision_of, reason_id)
        check_clock(self._stores)
        with (
            self._stores.locks.hold(f"release-{made.name}-{of}"),
            self._stores.catalog.run("publish", f"{made.name} {of}") as run,
        ):
            existing = self.find_release(made, of, revision)
            ref = self._compared(existing, made) if existing else self._drawn(made, of, revision, reason_id)
            run.outcome = ref.outcome
            return ref

    def _compared(self, ref: ReleaseRef, product: Product) -> ReleaseRef:
        """A release that is drawn; if stale, with what a revision would cost under today's policy."""
        if stale := self._landing.changes_since(ref):
            cost = privacy_cost(product, Period.parse(ref.period), self._stores.policy.policy)
            return replace(ref, stale=stale, revision_rho=float(cost.exact))
        return ref

    def _drawn(self, product: Product, period: Period, revision: int | None, reason_id: int | None) -> ReleaseRef:
        """Refresh, charge and draw; what is derived, or rests in staging, needs no registers."""
        evidence: dict[str, str] = {}
        if self.check_inputs(product, period):
            if revision is not None:
                self._landing.check_ingested(period)
            evidence = {"people": self._landing.refresh(period).registers}
        return self.draw(product, period, self.reserve(product, period, reason_id, evidence))

    def _revision(self, product: Product, period: Period, revision_of: str | None, reason_id: int | None) -> int | None:
        """The number of the revision that is asked for; None for the scheduled release."""
        if revision_of is None:
            return None
        before = revised(product, period, revision_of)
        if reason_id is None or self._stores.audit.entry(reason_id) is None:
            raise Misconfigured("A revision needs a reason.", "Add --reason TEXT.", "release.no_reason")
        return before.revision + 1

    @step("find the release, if it exists")
    def find_release(self, product: Product, period: Period, revision: int | None) -> ReleaseRef | None:
        """The release that exists; None if it is still to be drawn."""
        self._stores.installation.check()
        latest = self._stores.ledger.find(product.name, product.version, str(period))
        if revision is not None:
            self._check_revisable(ReleaseKey(product.name, product.version, str(period), revision - 1))
        wanted = latest is not None and (revision is None or latest.revision >= revision)
        if latest is None or not wanted or latest.unfinished:
            return None
        if isinstance(product, DerivedProduct) and inputs_changed(self._stores, product, latest):
            return None
        bind_lineage(release_lineage(latest.period, latest.generations))
        return _reference(latest, Outcome.ALREADY_PUBLISHED)

    def _check_revisable(self, key: ReleaseKey) -> None:
        """Raise RefusedRelease unless the release is published; an unfinished one continues under its own charge."""
        before = self._stores.ledger.find(**vars(key))
        if before is None or before.unfinished:
            raise RefusedRelease(
                f"{key} is not published.",
                "See `throng releases`; without --revision-of, publish finishes a release that was begun.",
                "release.not_published",
            )

    @step("check that its inputs are complete")
    def check_inputs(self, product: Product, period: Period) -> bool:
        """Whether rows are to be counted; raises, before registers are read, where something is lacking."""
        latest = self._stores.ledger.find(product.name, product.version, str(period))
        if latest and latest.unfinished and self._stores.lake.staged(ReleaseKey.of(latest)):
            return False
        self._inputs(product, period)
        return not isinstance(product, DerivedProduct)

    @step("charge the release to its month's budget")
    def reserve(
        self, product: Product, period: Period, reason_id: int | None, evidence: Mapping[str, str]
    ) -> ReleaseKey:
        """Charge the release to its months, or continue a reservation that a crash left.

        `evidence`: digest of the registers that the eligible list rests on.
        """
        latest = self._stores.ledger.find(product.name, product.version, str(period))
        if latest and latest.unfinished:
            return self._taken_up(product, period, ReleaseKey.of(latest))
        reason = self._stores.audit.entry(reason_id) if reason_id else None
        number = latest.revision + 1 if latest else 1
        inputs = self._inputs(product, period)
        inputs = replace(inputs, digests={**inputs.digests, **evidence})
        return self._release_draw.reserve(product, period, number, inputs, reason.detail if reason else None)

    def _inputs(self, product: Product, period: Period) -> ReleaseInputs:
        if isinstance(product, DerivedProduct):
            return derivation_inputs(self._stores, product, period, self._now())
        return inputs_now(self._stores, product, period, self._now())

    def _taken_up(self, product: Product, period: Period, key: ReleaseKey) -> ReleaseKey:
        """Continue a reservation: without drawn bytes it is pinned to the days as they are now."""
        if self._stores.lake.staged(key) is None:
            inputs = self._inputs(product, period)
            entry = AuditEntry.by_user("release follows its days", str(key))
            self._stores.ledger.repin(key, inputs.zone_plan, inputs.generations, entry)
        return key

    @step("count, draw and publish")
    def draw(self, product: Product, period: Period, key: ReleaseKey) -> ReleaseRef:
        """Count, draw, make consistent, suppress and publish; or finish what a crash left."""
        policy = self._stores.policy.policy
        release = self._stores.ledger.find(key.product, key.version, key.period, key.revision)
        facts = {"missing_days": _missing_days(release) if release else [], **facts_of(policy)}
        rules = rules_of(product, period, policy)
        done = self._release_draw.finish(key, rules, lambda: self._pending(product, period, key), facts)
        return _reference(done, Outcome.PUBLISHED)

    def _pending(self, product: Product, period: Period, key: ReleaseKey) -> PendingDraw:
        """A draw or derivation that is ready."""
        if isinstance(product, DerivedProduct):
            return pending_derivation(self._stores, product, period)
        release = self._stores.ledger.get(key)
        inputs = ReleaseInputs(release.zone_plan, release.generations, release.digests)
        listed = self._stores.lake.eligible(period)
        context = count_context(self._stores, product, period, inputs, listed.table)
        return PendingDraw(counted(product, context, self._noise), {"people": listed.registers})


def revised(product: Product, period: Period, release: str) -> ReleaseKey:
    """The release to draw again; raises Misconfigured if it is of another product or period."""
    before = ReleaseKey.parse(release)
    if (before.product, before.version, before.period) != (product.name, product.version, str(period)):
        raise Misconfigured(
            f"{before} is not a release of {product.name} {period}.",
            "Name a release of that period.",
            "release.other_period",
        )
    return before


def _reference(release: Release, outcome: Outcome) -> ReleaseRef:
    return ReleaseRef(
        product=release.product,
        version=release.version,
        period=release.period,
        revision=release.revision,
        outcome=outcome,
        sha256=release.sha256 or "",
        rho=float(Fraction(release.rho)),
        missing_days=tuple(_missing_days(release)),
    )


def _missing_days(release: Release) -> list[str]:
    """Days that a longer period was published without."""
    return sorted(set(map(str, Period.parse(release.period).days)) - set(release.generations))
