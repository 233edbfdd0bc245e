"""The inputs of a release now: complete days in the lake, one zone plan, one data key."""

from datetime import date, datetime, timedelta

from tasks.errors import RefusedRelease
from tasks.events.gate import FAULTS
from tasks.period import Cadence, Period, clock
from tasks.products.spec import DataProduct
from tasks.release import ReleaseInputs, scheduled_at
from tasks.retention import check_not_expired
from tasks.store import PseudonymisedStores
from tasks.store.lake import KEPT_TABLES, LakeFile
from tasks.store.tables import DayGeneration


def inputs_now(stores: PseudonymisedStores, product: DataProduct, period: Period, now: datetime) -> ReleaseInputs:
    """The inputs of the period's release now; raises RefusedRelease or StorageUnavailable where one is missing."""
    check_not_expired(stores, period)
    days = _days(stores, product, period, now)
    _check_kept(stores, product, period, days)
    stores.data_keys.existing(period)
    _check_tables(product, period, files_of(stores, {day.day: day.generation for day in days}))
    plan = {day.zone_plan for day in days}
    if len(plan) > 1:
        raise RefusedRelease(
            f"{product.name} {period} spans {len(plan)} zone plans.",
            "Ingest its days again under one zone plan.",
            "release.zone_plans",
        )
    return ReleaseInputs(plan.pop(), {str(day.day): day.generation for day in days})


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
    waited = scheduled_at(period, policy) + timedelta(days=policy.time.catch_up_days)
    if missing and now < waited:
        raise RefusedRelease(
            f"{product.name} {period} lacks {len(missing)} days: {_named(missing)}.",
            f"Ingest them; from {clock(waited, policy.time.local)} it is published without them.",
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


def _named(days: list[date]) -> str:
    return ", ".join(map(str, days[:5])) + (f" and {len(days) - 5} more" if len(days) > 5 else "")
