"""The row account: every row that came in is kept or has one reason; nothing is lost without a name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.errors import StepFailed
from tasks.events.reasons import Reason

ALL_FILES = "*"
"""The file of what the walk sets aside: it compares rows across files."""


@dataclass(frozen=True)
class RowCounts:
    """Rows in by file, rows set aside by file and reason, rows kept; raises StepFailed unless they add up."""

    rows_in: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[tuple[str, Reason], int] = field(default_factory=dict)
    kept: int = 0

    def __post_init__(self) -> None:
        parts = [self.kept, *self.rows_in.values(), *self.set_aside.values()]
        if min(parts) < 0 or self.total != self.kept + sum(self.set_aside.values()):
            raise StepFailed(
                f"The row account does not add up: {self.total} rows in, {self.kept} kept, "
                f"{sum(self.set_aside.values())} set aside.",
                "Report it with the version of Throng: rows were lost or counted twice.",
                "landing.rows_miscounted",
            )

    @property
    def total(self) -> int:
        """Rows that came in."""
        return sum(self.rows_in.values())

    @property
    def reasons(self) -> dict[Reason, int]:
        """Rows set aside by reason, over all files; only reasons that occurred, in the order of judgement."""
        sums: Counter[Reason] = Counter()
        for (_, reason), rows in self.set_aside.items():
            sums[reason] += rows
        return {reason: sums[reason] for reason in Reason if sums[reason]}

    def __add__(self, other: "RowCounts") -> "RowCounts":
        rows_in = Counter(self.rows_in) + Counter(other.rows_in)
        return RowCounts(
            {name: rows_in[name] for name in sorted({*self.rows_in, *other.rows_in})},
            dict(sorted((Counter(self.set_aside) + Counter(other.set_aside)).items())),
            self.kept + other.kept,
        )

    def after_walk(self, found: Mapping[Reason, int], kept: int) -> "RowCounts":
        """The account once the walk has set aside what it found and kept the rest."""
        walked = {(ALL_FILES, reason): int(rows) for reason, rows in found.items() if rows}
        return RowCounts(self.rows_in, {**self.set_aside, **walked}, kept)
