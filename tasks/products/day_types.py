"""Sums over the weekdays and over the weekend of a week."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tasks.period import Period
from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.products.spec import Choice, Dimension, Level, PublicContext
from tasks.products.sums import summed, with_small

DAY_TYPES = {"weekday": range(5), "weekend": range(5, 7)}
"""Days of the week by type; Monday is 0."""
DAY_TYPE = Dimension(
    "day_type",
    pa.string(),
    "weekday: Monday to Friday; weekend: Saturday and Sunday. A public holiday counts as the day on which it falls.",
    lambda public: tuple(DAY_TYPES),
)


def days_of_types(week: Period) -> list[list[Period]]:
    """The week's days of each type."""
    return [[Period.day(week.days[day]) for day in days] for days in DAY_TYPES.values()]


def by_day_type(level: Level, missing: str = "") -> Level:
    """The week's level with a daily level's sums; `missing`: why a row of a sparse one is not there."""
    return replace(
        level,
        name=f"{level.name}_week",
        meaning=f"{level.meaning} Added up over the week's days of this type.",
        dimensions=(*level.dimensions, DAY_TYPE),
        additive=level.additive | {DAY_TYPE.name},
        sparse=Choice(None, missing) if level.sparse else None,
    )


def summed_by_type(public: PublicContext, releases: Sequence[StoredRelease], level: Level) -> DerivedLevel:
    """A daily level's sums, as `by_day_type` declares them; of a sparse level, the keys that each such day has."""
    types = [summed(of_type, level, public, days) for of_type, days in _types(public, releases)]
    # the type is the last dimension: it runs fastest
    keys = np.concatenate([each.keys * len(types) + number for number, each in enumerate(types)])
    order = np.argsort(keys)

    def joined(parts: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([part.ravel() for part in parts])[order]

    values, variances = (joined(numbers) for numbers in zip(*(_numbers(each.measured) for each in types), strict=True))
    statuses = [
        (name, joined(each.statuses[number][1] for each in types)) for number, (name, _) in enumerate(types[0].statuses)
    ]
    chosen = keys[order] if level.sparse else None
    return with_small(by_day_type(level), public, Measured(values, variances), statuses, chosen)


def _types(public: PublicContext, releases: Sequence[StoredRelease]) -> Iterator[tuple[list[StoredRelease], int]]:
    """Of each type: the releases of its days, and how many days there should be."""
    for days in DAY_TYPES.values():
        names = {str(public.period.days[day]) for day in days}
        yield [release for release in releases if release.period in names], len(names)


def _numbers(measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    return measured.values, measured.variances
