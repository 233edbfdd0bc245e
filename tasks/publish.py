"""publish(product, period): one release, drawn once, from the period's rows and the people who may be counted now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import Misconfigured, RefusedRelease
from tasks.events.gate import FAULTS
from tasks.events.landing import unchanged
from tasks.events.measures import incomplete_hours
from tasks.events.panel import allowed, build_panel, consented
from tasks.mobility.zones import ZonePlan, stored_plan
from tasks.people import check_people, people_digest
from tasks.period import Cadence, Period, clock, day_hours, day_start
from tasks.privacy.noise import Noise
from tasks.privacy.protect import protect
from tasks.products import footfall, panel
from tasks.products.catalogue import CATALOGUE, Product, find
from tasks.references import Outcome, ReleaseRef
from tasks.release import Basis, Counted, OneDraw, check_clock, day_profile, facts_of, hours_of, price, slot, utc_now
from tasks.stale import changes_since, not_in_lake
from tasks.step import step
from tasks.store import Stores
from tasks.store.journal import follow, release_lineage
from tasks.store.lake import BUCKETS, LakeFile
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import DayGeneration, Release, ReleaseState


class Publish:
    """Publishes releases; the noise source comes through the constructor, production's from `production_noise`."""

    def __init__(self, stores: Stores, noise: Noise, now: Callable[[], datetime] = utc_now) -> None:
        self._stores = stores
        self._noise = noise
        self._now = now
        self._one_draw = OneDraw(stores)

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
            key = self.reserve(made, of, revision, reason_id)
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
        follow(release_lineage(release.period, release.generations))
        ref = _reference(release, Outcome.ALREADY_PUBLISHED)
        if stale := changes_since(self._stores, release, self._now()):
            cost = price(product, period, self._stores.policy.policy)
            return replace(ref, stale=stale, revision_rho=float(cost.exact))
        return ref

    @step("charge the release to its month's budget")
    def reserve(self, product: Product, period: Period, revision: int | None, reason_id: int | None) -> ReleaseKey:
        """Charge the release to its months; a reservation that a crash left is taken up."""
        latest = self._stores.ledger.find(product.name, product.version, str(period))
        if latest and latest.state in (ReleaseState.RESERVED, ReleaseState.STAGED):
            return ReleaseKey.of(latest)
        days = self._days(product, period)
        self._check_kept(product, period, days)
        check_people(self._stores)  # an old or cut register must not be paid for
        self._stores.keys.existing_key(period)  # without both nobody can be counted, and nothing is to be charged
        self._stores.keys.existing_data_key(period)
        self._files({day.day: day.generation for day in days})
        plan = {day.zone_plan for day in days}
        if len(plan) > 1:
            raise RefusedRelease(
                f"{product.name} {period} spans {len(plan)} zone plans.", "Ingest its days again under one zone plan."
            )
        basis = Basis(plan.pop(), {str(d.day): d.generation for d in days}, {"people": people_digest(self._stores)})
        reason = self._stores.audit.entry(reason_id) if reason_id else None
        return self._one_draw.reserve(product, period, revision or 1, basis, reason.detail if reason else None)

    def _days(self, product: Product, period: Period) -> list[DayGeneration]:
        """The period's days in the lake; raises RefusedRelease while it is not due."""
        days = self._stores.catalog.days(period.first, period.days[-1])
        policy, now = self._stores.policy.policy, self._now()
        missing = sorted(set(period.days) - {day.day for day in days})
        if missing and (period.cadence is Cadence.DAY or not days):
            raise RefusedRelease(
                f"{product.name} {period} has no ingested day.", f"Run `throng ingest {missing[0]}` first."
            )
        waited = slot(period, policy) + timedelta(days=policy.time.catch_up_days)
        if missing and now < waited:
            raise RefusedRelease(
                f"{product.name} {period} lacks {len(missing)} days: {_named(missing)}.",
                f"Ingest them; from {clock(waited, policy.time.local)} it is published without them.",
            )
        return days

    def _check_kept(self, product: Product, period: Period, days: list[DayGeneration]) -> None:
        """A release of nobody would be charged for noise alone: somebody must have said that the day is right."""
        if all(self._keeps_nothing(day) for day in days):
            raise RefusedRelease(
                f"{product.name} {period} keeps too few rows to be published: the gate's rule rows_kept failed.",
                f"Correct the files, or `throng ingest {days[0].day} --again --override rows_kept --reason TEXT`.",
            )

    def _keeps_nothing(self, day: DayGeneration) -> bool:
        lines = self._stores.catalog.gate(day.day, day.generation)
        return any(line.rule == "rows_kept" and line.status in FAULTS for line in lines)

    @step("count, draw and publish")
    def draw(self, product: Product, period: Period, key: ReleaseKey) -> ReleaseRef:
        """Count, draw, reconcile, suppress and publish; or finish what a crash left."""
        rules = product.rules(self._stores.policy.policy, hours_of(period, self._stores.policy.policy))
        release = self._stores.ledger.find(key.product, key.version, key.period, key.revision)
        missing = _missing_days(release) if release else []
        count = {"footfall": self._footfall, "panel": self._panel}[product.name]
        facts = {"missing_days": missing, **facts_of(self._stores.policy.policy)}
        done = self._one_draw.finish(key, rules, lambda: count(period, key), facts)
        return _reference(done, Outcome.PUBLISHED)

    def _footfall(self, period: Period, key: ReleaseKey) -> Counted:
        plan, generations = self._basis(key)
        ((day, generation),) = generations.items()
        policy, lake = self._stores.policy.policy, self._stores.lake
        hours = day_hours(day, policy.time.local)
        rules = CATALOGUE[key.product].rules(policy, len(hours))
        members, read = self._members(period)
        presence = (
            consented(table, members, (table["hour"].to_numpy().astype(np.int64) + 1) * 3600)
            for file in self._files(generations)
            if file.table == "presence"
            for table in [lake.rows(file)]
        )
        draw = partial(
            protect,
            footfall.count(presence, lake.allowed(period), plan, len(hours), rules),
            rules,
            footfall.keys(plan, hours),
            self._noise,
            footfall.hierarchy(plan),
            footfall.known(plan, lake.coverage(day, generation), self._incomplete(day, generation)),
        )
        return Counted(draw, read)

    def _panel(self, period: Period, key: ReleaseKey) -> Counted:
        plan, generations = self._basis(key)
        rules = CATALOGUE[key.product].rules(self._stores.policy.policy, 0)
        members, read = self._members(period)
        files = [file for file in self._files(generations) if file.period == period]
        states = (self._states(period, files, members, bucket) for bucket in range(BUCKETS))
        counts = panel.count((days for days in states if days), self._stores.lake.allowed(period), plan, rules)
        return Counted(partial(protect, counts, rules, panel.keys(plan), self._noise), read)

    def _states(self, period: Period, files: list[LakeFile], members: pa.Table, bucket: int) -> tuple[pa.Table, ...]:
        """One bucket of the period's state, a table a day, without days before a person's consent."""
        return tuple(
            consented(table, members, np.full(len(table), self._seconds(period, Period.day(file.day))))
            for file in files
            if file.bucket == bucket
            for table in [self._stores.lake.rows(file)]
        )

    def _files(self, generations: dict[date, int]) -> list[LakeFile]:
        """What the catalog lists of these generations; raises StorageUnavailable where the lake lacks some of it."""
        files = self._stores.catalog.lake_files(generations)
        self._stores.lake.check_files(files)
        return files

    def _basis(self, key: ReleaseKey) -> tuple[ZonePlan, dict[date, int]]:
        """The pinned zone plan and generations of a reservation."""
        release = self._stores.ledger.find(key.product, key.version, key.period, key.revision)
        if release is None:
            raise RefusedRelease(f"{key} was never charged.", "Publish it first: its charge precedes everything.")
        plan = stored_plan(self._stores.lake.plan(release.zone_plan))
        return plan, {date.fromisoformat(day): number for day, number in release.generations.items()}

    def _members(self, period: Period) -> tuple[pa.Table, dict[str, str]]:
        """Who may be counted and since when, from the landing zone's files as they are now; the lake's list is theirs.

        A consent given after the period, or after a withdrawal or by the number's next owner, does not cover it.
        With the digest of the files: both of one version, or StorageUnavailable.
        """
        root, policy = self._stores.settings.landing_root, self._stores.policy.policy
        people = people_digest(self._stores)
        with unchanged("The subscribers or consents file", people, lambda: people_digest(self._stores)):
            check_people(self._stores)
            everybody = build_panel(
                root,
                period=period,
                time=policy.time,
                who=policy.who,
                now=self._now(),
                keyed=[self._stores.keys.existing_key(period)],
            )
        members = consented(everybody, everybody, np.full(len(everybody), self._seconds(period, period)))
        self._stores.lake.write_allowed(period, allowed(members))
        return members, {"people": people}

    def _seconds(self, period: Period, part: Period) -> int:
        """Elapsed seconds from a period's local start to the end of a part of it."""
        zone = self._stores.policy.policy.time.local
        return int((day_start(part.end, zone) - day_start(period.first, zone)).total_seconds())

    def _incomplete(self, day: date, generation: int) -> npt.NDArray[np.bool_]:
        """Hours that the noisy profile shows to be empty."""
        rows = self._stores.catalog.generations(day)
        revision = next(row.profile_revision for row in rows if row.generation == generation)
        profile = day_profile(self._stores, day, revision)
        return np.array(incomplete_hours(profile, self._stores.policy.policy.gate.rules))


def revised(product: Product, period: Period, release: str) -> ReleaseKey:
    """The release that is to be drawn again; raises Misconfigured if it is none of this product and period."""
    before = ReleaseKey.parse(release)
    if (before.product, before.version, before.period) != (product.name, product.version, str(period)):
        raise Misconfigured(f"{before} is not a release of {product.name} {period}.", "Name a release of that period.")
    return before


def _named(days: list[date]) -> str:
    return ", ".join(map(str, days[:5])) + (f" and {len(days) - 5} more" if len(days) > 5 else "")


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
