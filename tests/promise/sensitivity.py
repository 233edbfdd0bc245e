"""Removing one person's month, and how far that may move what is released: in exact integers, without tolerance."""

from collections.abc import Callable, Hashable, Sequence
from datetime import date
from fractions import Fraction
from typing import Protocol, TypeVar

from tasks.period import Period
from tasks.privacy.bounds import Contributions


class Dated(Protocol):
    """Anything a person did or is on a network-local day."""

    @property
    def person(self) -> Hashable: ...
    @property
    def day(self) -> date: ...


Record = TypeVar("Record", bound=Dated)


def without(history: Sequence[Record], person: Hashable, month: str) -> list[Record]:
    """The neighbouring history: the same but for everything of one person in one month (`YYYY-MM`)."""
    return [record for record in history if record.person != person or f"{record.day:%Y-%m}" != month]


def squared_distance(one: Contributions, other: Contributions) -> Fraction:
    """The squared L2 distance of two vectors, in persons squared, exact."""
    assert (one.level, one.values.shape, one.unit) == (other.level, other.values.shape, other.unit)
    steps = (one.values - other.values).ravel().tolist()
    return Fraction(sum(step * step for step in steps), one.unit**2)


def assert_bounded(
    vectors: Callable[[Sequence[Record]], Sequence[Contributions]],
    history: Sequence[Record],
    person: Hashable,
    period: Period,
) -> None:
    """Whichever month of the person is removed, each level moves by at most what that month is charged for.

    K inside one month, 2K for each month of a period that touches several, and nothing for a month outside it.
    """
    before = vectors(history)
    for month in sorted({f"{record.day:%Y-%m}" for record in history}):
        factor = min(2, len(period.months)) if month in period.months else 0
        for one, other in zip(before, vectors(without(history, person, month)), strict=True):
            moved = squared_distance(one, other)
            assert moved <= factor * one.bound, (
                f"{one.level} moves by {moved} for {month}, charged {factor}x{one.bound}"
            )
