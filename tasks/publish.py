"""publish(product, period): one release, drawn once, from the period's rows and the people who may be counted now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import cast

import numpy as np
import pyarrow as pa

from tasks.count_context import count_context
from tasks.derivation import derivation_inputs, inputs_changed, pending_derivation
from tasks.errors import Misconfigured, RefusedRelease
from tasks.events.formats import load_formats
from tasks.events.landing import unchanged
from tasks.events.panel import after_consent, eligible, read_panel
from tasks.period import Period, day_start
from tasks.privacy.noise import Noise
from tasks.products.draw import counted
from tasks.products.registry import find
from tasks.products.spec import DataProduct, DerivedProduct, Product
from tasks.refs import Outcome, ReleaseRef
from tasks.register_versions import check_register_values, check_registers, registers_digest
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
from tasks.release_inputs import inputs_now
from tasks.staleness import changes_since, not_in_lake
from tasks.step import step
from tasks.store import Stores
from tasks.store.audit import AuditEntry
from tasks.store.event_log import bind_lineage, release_lineage
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Release, ReleaseState


class Publish:
    """Publishes releases; the noise source comes through the constructor, production's from `production_noise`."""

    def __init__(self, stores: Stores, noise: Noise, now: Callable[[], datetime] = utc_now) -> None:
        self._stores = stores
        self._noise = noise
        self._now = now
        self._release_draw = ReleaseDraw(stores)

    def __call__(
        self, product: str, period: str, revision_of: str | None = None, reason_id: int | None = None
    ) -> ReleaseRef:
        """Publish a period, or return the release that exists; only `revision_of` draws again.

        `reason_id` is the audit entry that says why.
        """
        made, of = find(product), Period.parse(period)
        made.check(of)
        revision = self._revision(made, of, revision_of, reason_id)
        check_clock(self._stores)
        with (
            self._stores.locks.hold(f"release-{made.name}-{of}"),
            self._stores.catalog.run("publish", f"{made.name} {of}") as run,
        ):
            if existing := self.look(made, of, revision):
                run.outcome = existing.outcome
                return existing
            key = self.reserve(made, of, reason_id)
            ref = self.draw(made, of, key)
            run.outcome = ref.outcome
            return ref

    def _revision(self, product: Product, period: Period, revision_of: str | None, reason_id: int | None) -> int | None:
        """The number of the revision that is asked for; None for the scheduled release."""
        if revision_of is None:
            return None
        before = revised(product, period, revision_of)
        if reason_id is None or self._stores.audit.entry(reason_id) is None:
            raise Misconfigured("A revision needs a reason.", "Add --reason TEXT: it goes to the audit table.")
        return before.revision + 1

    @step("is the release there already?")
    def look(self, product: Product, period: Period, revision: int | None) -> ReleaseRef | None:
        """The release that exists, with what has changed since it was drawn; None if it is still to be drawn."""
        self._stores.installation.check()
        latest = self._stores.ledger.find(product.name, product.version, str(period))
        if revision is not None:
            self._check_revisable(ReleaseKey(product.name, product.version, str(period), revision - 1))
        wanted = latest is not None and (revision is None or latest.revision >= revision)
        if revision is not None and not wanted:
            self._check_lake(period)
        if latest is None or not wanted or latest.state in (ReleaseState.RESERVED, ReleaseState.STAGED):
            return None
        if isinstance(product, DerivedProduct) and inputs_changed(self._stores, product, latest):
            return None
        return self._standing(product, period, latest)

    def _check_revisable(self, key: ReleaseKey) -> None:
        """Only what was published can be revised: an unfinished release is finished under its own charge."""
        before = self._stores.ledger.find(key.product, key.version, key.period, key.revision)
        if before is None or before.state in (ReleaseState.RESERVED, ReleaseState.STAGED):
            raise RefusedRelease(
                f"{key} is not published.", "See `throng releases`; publish without --revision-of finishes what began."
            )

    def _check_lake(self, period: Period) -> None:
        """A revision is paid for once more: it must not be drawn from the old rows while new ones wait beside them."""
        for day, files in not_in_lake(self._stores, period, self._now()).items():
            raise RefusedRelease(
                f"A revision would be drawn without late files of {day}: {files}.",
                f"Run `throng ingest {day}` first, or take the files out of the landing.",
            )

    def _standing(self, product: Product, period: Period, release: Release) -> ReleaseRef:
        """A release that is drawn; if stale, with what a revision would cost under today's policy."""
        bind_lineage(release_lineage(release.period, release.generations))
        ref = _reference(release, Outcome.ALREADY_PUBLISHED)
        if stale := changes_since(self._stores, release, self._now()):
            cost = privacy_cost(product, period, self._stores.policy.policy)
            return replace(ref, stale=stale, revision_rho=float(cost.exact))
        return ref

    @step("charge the release to its month's budget")
    def reserve(self, product: Product, period: Period, reason_id: int | None) -> ReleaseKey:
        """Charge the release to its months; a reservation that a crash left is taken up."""
        latest = self._stores.ledger.find(product.name, product.version, str(period))
        if latest and latest.state in (ReleaseState.RESERVED, ReleaseState.STAGED):
            return self._taken_up(product, period, ReleaseKey.of(latest))
        reason = self._stores.audit.entry(reason_id) if reason_id else None
        number = latest.revision + 1 if latest else 1
        inputs = self._inputs(product, period)
        return self._release_draw.reserve(product, period, number, inputs, reason.detail if reason else None)

    def _inputs(self, product: Product, period: Period) -> ReleaseInputs:
        if isinstance(product, DerivedProduct):
            return derivation_inputs(self._stores, product, period)
        return inputs_now(self._stores, product, period, self._now())

    def _taken_up(self, product: Product, period: Period, key: ReleaseKey) -> ReleaseKey:
        """A reservation that a crash left: of drawn bytes all is settled; else it follows the days as they are now."""
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
        release = self._stores.ledger.find(key.product, key.version, key.period, key.revision)
        if release is None:
            raise RefusedRelease(f"{key} was never charged.", "Publish it first.", "release.not_charged")
        inputs = ReleaseInputs(release.zone_plan, release.generations, release.digests)
        people, read, made = *self._eligible(period), cast(DataProduct, product)
        context = count_context(self._stores, made, period, inputs, people)
        return PendingDraw(counted(made, context, self._noise), read)

    def _eligible(self, period: Period) -> tuple[pa.Table, dict[str, str]]:
        """Who may be counted and since when, from the landing zone's files as they are now; the lake's list is theirs.

        A consent given after the period, or after a withdrawal or by the number's next owner, does not cover it.
        With the digest of the files: both of one version, or StorageUnavailable.
        """
        root, policy = self._stores.settings.landing_root, self._stores.policy.policy
        people = registers_digest(self._stores)
        with unchanged("The subscribers or consents file", people, lambda: registers_digest(self._stores)):
            check_registers(self._stores)
            everybody, registers = read_panel(
                root,
                period=period,
                time=policy.time,
                who=policy.who,
                now=self._now(),
                keyed=[self._stores.keys.existing_key(period)],
                formats=load_formats(self._stores.settings.mapping),
            )
        check_register_values(self._stores, registers)
        length = day_start(period.end, policy.time.local) - day_start(period.first, policy.time.local)
        members = after_consent(everybody, everybody, np.full(len(everybody), int(length.total_seconds())))
        self._stores.lake.write_allowed(period, eligible(members))
        people_table = members.select(["pseudonym", "age_band", "gender", "from_second"])
        return people_table.rename_columns({"from_second": "since"}), {"people": people}


def revised(product: Product, period: Period, release: str) -> ReleaseKey:
    """The release that is to be drawn again; raises Misconfigured if it is none of this product and period."""
    before = ReleaseKey.parse(release)
    if (before.product, before.version, before.period) != (product.name, product.version, str(period)):
        raise Misconfigured(f"{before} is not a release of {product.name} {period}.", "Name a release of that period.")
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
    """Days of the period without a generation: a month is published without them in the end."""
    return sorted(set(map(str, Period.parse(release.period).days)) - set(release.generations))
