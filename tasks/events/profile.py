"""The noisy profile of a day: the panel's kept rows by local hour and its other rows by reason, each with its error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import hypot, isfinite
from operator import add
from statistics import median

import pyarrow as pa

from tasks.errors import StepFailed
from tasks.events.reasons import READ_REASONS, Reason


@dataclass(frozen=True)
class NoisyValue:
    """A number under noise of known standard error; sums and multiples carry the error along."""

    value: float
    se: float

    def __add__(self, other: "NoisyValue") -> "NoisyValue":
        """The sum of two numbers under independent noise."""
        return NoisyValue(self.value + other.value, hypot(self.se, other.se))

    def times(self, factor: float) -> "NoisyValue":
        """The number, multiplied by a constant."""
        return NoisyValue(self.value * factor, self.se * abs(factor))


NONE = NoisyValue(0.0, 0.0)


def total(numbers: Sequence[NoisyValue]) -> NoisyValue:
    """The sum of numbers under independent noise."""
    return reduce(add, numbers, NONE)


def middle(numbers: Sequence[NoisyValue]) -> NoisyValue:
    """The median, with the largest standard error among its numbers: never less than the median's own."""
    return NoisyValue(median(number.value for number in numbers), max(number.se for number in numbers))


def entries(hours: int) -> tuple[str, ...]:
    """Names of a profile's entries in the order of the walk's vector: the day's hours, then the read reasons."""
    return (*(f"hour_{hour:02d}" for hour in range(hours)), *(reason.value for reason in READ_REASONS))


def keys(hours: int) -> pa.Table:
    """The entries as a key table of one column `entry`, for the draw."""
    return pa.table({"entry": entries(hours)})


@dataclass(frozen=True)
class Profile:
    """Rows of a day in noisy numbers; all that the gate knows of what people did."""

    hours: tuple[NoisyValue, ...]
    """Kept rows by elapsed local hour."""
    reasons: Mapping[Reason, NoisyValue]

    @classmethod
    def read(cls, table: pa.Table) -> "Profile":
        """From the protected table (entry, value, se), drawn without suppression."""
        hours = table.num_rows - len(READ_REASONS)
        finite = table["value"].null_count == 0 and all(map(isfinite, table["value"].to_pylist()))
        if tuple(table["entry"].to_pylist()) != entries(hours) or not finite:
            raise StepFailed(
                "events: the profile is not of this version, or values are withheld.",
                "Ingest the day again.",
                "gate.profile_outdated",
            )
        numbers = [NoisyValue(*pair) for pair in zip(table["value"].to_pylist(), table["se"].to_pylist(), strict=True)]
        return cls(tuple(numbers[:hours]), dict(zip(READ_REASONS, numbers[hours:], strict=True)))

    @property
    def kept(self) -> NoisyValue:
        """Rows kept, over all hours."""
        return total(self.hours)

    def of(self, *reasons: Reason) -> NoisyValue:
        """Rows set aside for these reasons."""
        return total([self.reasons[reason] for reason in reasons])

    def apart_from(self, *reasons: Reason) -> NoisyValue:
        """All rows but those set aside for these reasons."""
        return self.kept + self.of(*(reason for reason in READ_REASONS if reason not in reasons))


NO_ROWS = Profile((NONE,) * 24, dict.fromkeys(READ_REASONS, NONE))
"""Of a day that keeps no row; nothing was drawn for it."""
