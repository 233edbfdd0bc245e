"""The inputs of a release now: complete days in the lake, one zone plan, one data key; or other releases, for free."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from tasks.completeness import check_complete, derived_incompleteness, incomplete, incompleteness, named
from tasks.errors import RefusedRelease
from tasks.events.gate import FAULTS
from tasks.events.gate_metrics import incomplete_hours
from tasks.mobility.zones import stored_plan
from tasks.period import Cadence, Period, clock
from tasks.policy import Policy
from tasks.privacy.derived import derive
from tasks.products import registry
from tasks.products.spec import DataProduct, DerivedProduct, Product, PublicContext
from tasks.release import PendingDraw, ReleaseInputs, closed_at, day_profile, latest_drawn
from tasks.retention import check_not_expired
from tasks.store import PseudonymisedStores, ReleaseStores
from tasks.store.lake import KEPT_TABLES, LakeFile
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import DayGeneration, Release, ReleaseState


def inputs_now(stores: PseudonymisedStores, product: DataProduct, period: Period, now: datetime) -> ReleaseInputs:
    """The inputs of the period's release now; raises RefusedRelease or StorageUnavailable where one is missing."""
    check_not_expired(stores, period)
    days = _days(stores, product, period, now)
    _check_kept(stores, product, period, days)
    if product.as_a_whole:
        check_complete(product, period, stores.policy.policy.time.local, _empty_hours(stores, days))
    stores.data_keys.existing(period)
    _check_tables(product, period, files_of(stores, {day.day: day.generation for day in days}))
    plan = _one_plan(product, period, {day.zone_plan for day in days})
    return ReleaseInputs(plan, {str(day.day): day.generation for day in days})


def _one_plan(product: Product, period: Period, plans: set[str]) -> str:
    if len(plans) > 1:
        raise RefusedRelease(
            f"{product.name} {period} spans {len(plans)} zone plans.",
            "Ingest its days again under one zone plan.",
            "release.zone_plans",
        )
    return plans.pop()


def _days(stores: PseudonymisedStores, product: DataProduct, period: Period, now: datetime) -> list[DayGeneration]:
    """The period's days in the lake; raises RefusedRelease while it is not due."""
    days = stores.catalog.days(period.first, period.days[-1])
    policy = stores.policy.policy
    missing = sorted(set(period.days) - {day.day for day in days})
    if missing and (period.cadence is Cadence.DAY or not days):
        raise RefusedRelease(
            f"{product.name} {period} has no ingested day.",
            f"Run `throng ingest {missing[0]}` first.",
            "release.no_day",
        )
    waited = closed_at(period, policy)
    if missing and now < waited:
        never = incompleteness(product, period, policy.time.local, {day.day: 0 for day in days})
        without = "without them, each of its numbers would be `incomplete`, and it is not published"
        otherwise = without if never else f"from {clock(waited, policy.time.local)} it is published without them"
        raise RefusedRelease(
            f"{product.name} {period} lacks {len(missing)} days: {named(missing)}.",
            f"Ingest them; {otherwise}.",
            "release.days_missing",
        )
    return days


def _check_kept(stores: PseudonymisedStores, product: DataProduct, period: Period, days: list[DayGeneration]) -> None:
    """Raise RefusedRelease for days that keep almost no row: a release would be charged for noise alone."""
    if all(_keeps_nothing(stores, day) for day in days):
        raise RefusedRelease(
            f"{product.name} {period} keeps too few rows to be published: the gate's rule rows_kept failed.",
            f"Correct the files, or `throng ingest {days[0].day} --again --override rows_kept --reason TEXT`.",
            "release.no_rows",
        )


def _empty_hours(stores: ReleaseStores, days: list[DayGeneration]) -> dict[date, int]:
    """How many hours of each day its noisy profile shows to be empty."""
    rules = stores.policy.policy.gate.rules
    return {row.day: sum(incomplete_hours(day_profile(stores, row.day, row.profile_revision), rules)) for row in days}


def _check_tables(product: DataProduct, period: Period, files: list[LakeFile]) -> None:
    """Raise RefusedRelease for days that were ingested before the lake kept the product's tables."""
    for day in sorted({file.day for file in files}):
        kept = {file.path.rpartition("/")[2] for file in files if file.day == day and file.table == KEPT_TABLES}
        for table in product.reads:
            if table.name not in kept:
                raise RefusedRelease(
                    f"{product.name} {period} counts {table.name}, which the lake does not hold of {day}.",
                    f"Run `throng ingest {day} --again` first.",
                    "release.no_table",
                )


def _keeps_nothing(stores: PseudonymisedStores, day: DayGeneration) -> bool:
    lines = stores.catalog.gate(day.day, day.generation)
    return any(line.rule == "rows_kept" and line.status in FAULTS for line in lines)


def files_of(stores: PseudonymisedStores, generations: dict[date, int]) -> list[LakeFile]:
    """The files of these generations; raises StorageUnavailable if the lake lacks one."""
    files = stores.catalog.lake_files(generations)
    stores.lake.check_files(files)
    return files


def derivation_inputs(stores: ReleaseStores, product: DerivedProduct, period: Period, now: datetime) -> ReleaseInputs:
    """The plan and days of its inputs, and their digests by release; raises RefusedRelease where one is missing."""
    _check_inputs(stores, product, period, now)
    releases = _inputs(stores, product, period)
    plan = _one_plan(product, period, {release.zone_plan for release in releases})
    days = {day: number for release in releases for day, number in release.generations.items()}
    return ReleaseInputs(plan, days, _digests(releases))


def inputs_changed(stores: ReleaseStores, product: DerivedProduct, release: Release) -> bool:
    """Whether an input has another published revision than the one it was derived from."""
    try:
        current = _digests(_inputs(stores, product, Period.parse(release.period)))
    except RefusedRelease:  # an input was recalled, and not published again
        return True
    return not current.items() <= release.digests.items()


def pending_derivation(stores: ReleaseStores, product: DerivedProduct, period: Period) -> PendingDraw:
    """A derivation that is ready, with the digests of what it reads."""
    releases = _inputs(stores, product, period)
    zones = stored_plan(stores.lake.plan(releases[0].zone_plan))
    stored = [stores.lake.release(ReleaseKey.of(release), release.sha256 or "") for release in releases]
    public = PublicContext(period, zones, ZoneInfo(stored[0].facts["timezone"]))
    keys = {level.name: partial(level.keys, public) for level in product.levels}
    draw = partial(derive, stored, partial(product.derive, public), keys, product.share_within)
    return PendingDraw(draw, _digests(releases))


Input = tuple[str, Period]
"""A product and a period."""


def never_comes(period: Period, missing: Sequence[Input], now: datetime, policy: Policy) -> bool:
    """Whether a period no longer waits for these inputs: days of it that never came."""
    return all(of.cadence is not period.cadence for _, of in missing) and now >= closed_at(period, policy)


def _check_inputs(stores: ReleaseStores, product: DerivedProduct, period: Period, now: datetime) -> None:
    """Raise RefusedRelease while an input is still to come, or where no number could be derived without it."""
    missing = [each for each in product.inputs(period) if _drawn(stores, *each) is None]
    if missing and not never_comes(period, missing, now, stores.policy.policy):
        raise _lacking(product, period, *missing[0])
    if missing and (why := derived_incompleteness(product, period, [of for _, of in missing])):
        in_lake = [each for each in missing if any(stores.catalog.current(day) for day in each[1].days)]
        raise _lacking(product, period, *in_lake[0]) if in_lake else incomplete(why)


def _inputs(stores: ReleaseStores, product: DerivedProduct, period: Period) -> list[Release]:
    """The inputs that were drawn; raises RefusedRelease where one is recalled, or none is there."""
    inputs = [(each, _drawn(stores, *each)) for each in product.inputs(period)]
    for each, release in inputs:
        if release and release.state is not ReleaseState.PUBLISHED:
            raise _lacking(product, period, *each)
    if not (found := [release for _, release in inputs if release]):
        raise _lacking(product, period, *inputs[0][0])
    return found


def _drawn(stores: ReleaseStores, name: str, period: Period) -> Release | None:
    return latest_drawn(stores, registry.product(name, period.cadence), period)


def _lacking(product: DerivedProduct, period: Period, name: str, of: Period) -> RefusedRelease:
    return RefusedRelease(
        f"{product.name} {period} is derived from {name} {of}, which is not published.",
        f"Run `throng publish {name} {of}` first.",
        "release.input_missing",
    )


def _digests(releases: list[Release]) -> dict[str, str]:
    return {str(ReleaseKey.of(release)): release.sha256 or "" for release in releases}
