"""Whether a period has hours enough for a release that needs all of it: before anything is charged."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from tasks.errors import RefusedRelease
from tasks.period import Period, day_hours
from tasks.products import statuses
from tasks.products.spec import DataProduct, DerivedProduct, Product


def derived_incompleteness(product: DerivedProduct, period: Period, missing: Collection[Period]) -> str:
    """Why every number would be `incomplete` without these days; empty if not."""
    inputs = [of for _, of in product.inputs(period)]
    sums = product.sums(period) if product.sums else [inputs]
    if not all(set(group) & set(missing) for group in sums):
        return ""
    return (
        f"{product.name} {period} lacks {len(missing)} of its {len(inputs)} days, on "
        f"{named([of.first for of in missing])}: each of its numbers would be `incomplete`."
    )


def incompleteness(product: Product, period: Period, zone: ZoneInfo, empty: Mapping[date, int]) -> str:
    """Why every number of the period's release would be `incomplete`; empty if not.

    `empty`: of each day that has data, its number of hours without.
    """
    if not (isinstance(product, DataProduct) and product.as_a_whole):
        return ""
    hours = {day: len(day_hours(day, zone)) for day in period.days}
    missing = {day: empty.get(day, hours[day]) for day in period.days}
    lacking, total = sum(missing.values()), sum(hours.values())
    if lacking <= statuses.MOST_MISSING * total:
        return ""
    days = named([day for day, number in missing.items() if number])
    return (
        f"{product.name} {period} lacks {lacking} of its {total} hours, on {days}: with more than a tenth missing, "
        "each of its numbers would be `incomplete`."
    )


def check_complete(product: Product, period: Period, zone: ZoneInfo, empty: Mapping[date, int]) -> None:
    """Raise RefusedRelease where every number would be `incomplete`: a charge would buy nothing."""
    if why := incompleteness(product, period, zone, empty):
        raise incomplete(why)


def incomplete(why: str) -> RefusedRelease:
    """The refusal of a release without a number."""
    return RefusedRelease(
        why,
        "Run `throng ingest DAY` for these days. Without them there is nothing to publish. Nothing was charged.",
        "release.incomplete",
    )


def named(days: Sequence[date]) -> str:
    """The first days, and how many more there are."""
    return ", ".join(map(str, days[:5])) + (f" and {len(days) - 5} more" if len(days) > 5 else "")
