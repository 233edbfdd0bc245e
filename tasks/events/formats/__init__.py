"""Event formats, told apart by their columns. A new one is one small file beside these, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tasks.events.clock import Clock
from tasks.events.formats import eurostat, flowkit, native
from tasks.events.formats.columns import Columns, Expressions, Kind


@dataclass(frozen=True)
class Format:
    """A format: the columns that tell it apart, those it may have besides, and how a row is read."""

    name: str
    required: Mapping[str, Kind]
    expressions: Callable[[Columns, Clock], Expressions]
    optional: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def used(self) -> Mapping[str, Kind]:
        """Every column that reading looks at; others are left alone."""
        return {**self.required, **self.optional}


FORMATS = {
    each.name: each
    for each in (
        Format("native", native.COLUMNS, native.expressions),
        Format("eurostat", eurostat.COLUMNS, eurostat.expressions),
        Format("flowkit", flowkit.COLUMNS, flowkit.expressions, flowkit.OPTIONAL),
    )
}
