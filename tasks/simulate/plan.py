"""What is simulated: size, calendar, shares and form, checked once."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tasks.errors import Misconfigured
from tasks.period import day_hours

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HOUR = 3600
CONTAINERS = {
    "native": ("parquet", "csv", "csv.gz", "csv.zst"),
    "eurostat": ("parquet", "csv", "csv.gz", "csv.zst"),
    "flowkit": ("csv", "csv.gz", "csv.zst", "parquet"),
}
"""Event formats, each with its file forms; the first is used where none is asked for."""
RADIOS = ("usual", "wide")
"""Radio worlds: how far cells are heard, and by what chance (radio.py)."""
PART_SUBSCRIBERS = 8192
"""Subscribers of one file at 115 events a day: a million events, so that memory stays constant at any size."""


@dataclass(frozen=True)
class SimulationPlan:
    """A city to simulate. `rate` is the median of events a day; `opt_in`, `opt_in_bias`, `dirty` are shares."""

    subscribers: int
    days: int
    start: date
    seed: int
    zones: int = 60
    rate: float = 115.0
    opt_in: float = 0.6
    dirty: float = 0.01
    format: str = "native"
    container: str | None = None
    timezone: str = "Europe/Berlin"
    opt_in_bias: float = 0.0
    """How strongly opting in depends on age band, gender and home: 0 hardly, 1 from about 20 to 80 %."""
    closed: bool = False
    """Whether nobody comes from outside or stays there."""
    radio: str = "usual"
    census: bool = False
    """Whether residents with other operators are simulated, too, and all residents counted."""

    def __post_init__(self) -> None:
        limits = {
            "subscribers": (1, 60_000_000),
            "days": (1, 400),
            "seed": (0, 2**63 - 1),
            "zones": (12, 1000),
            "rate": (1, 2000),
            "opt_in": (0, 1),
            "opt_in_bias": (0, 1),
            "dirty": (0, 0.5),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise Misconfigured(
                    f"{name} is {getattr(self, name)}.",
                    f"Choose {name} from {least} to {most}.",
                    "simulate.out_of_range",
                )
        if self.radio not in RADIOS:
            raise Misconfigured(
                f"The radio world {self.radio!r} is not known.",
                f"Choose {', '.join(RADIOS)}.",
                "simulate.unknown_radio",
            )
        if self.format not in CONTAINERS:
            raise Misconfigured(
                f"The format {self.format!r} is not known.",
                f"Choose {', '.join(CONTAINERS)}.",
                "simulate.unknown_format",
            )
        if self.file_form not in CONTAINERS[self.format]:
            raise Misconfigured(
                f"The container {self.file_form!r} is not known.",
                f"Choose {', '.join(CONTAINERS[self.format])}.",
                "simulate.unknown_container",
            )

    @property
    def file_form(self) -> str:
        """The suffix of event files: parquet, csv, csv.gz or csv.zst."""
        return self.container or CONTAINERS[self.format][0]

    @property
    def zone(self) -> ZoneInfo:
        """The network's timezone."""
        return ZoneInfo(self.timezone)

    @property
    def calendar(self) -> tuple[date, ...]:
        """The simulated local days."""
        return tuple(self.start + timedelta(days=n) for n in range(self.days))

    @property
    def first(self) -> datetime:
        """The instant at which the first day begins."""
        return day_hours(self.start, self.zone)[0]

    @property
    def end(self) -> datetime:
        """The instant at which the last day has ended."""
        return day_hours(self.calendar[-1], self.zone)[-1] + timedelta(hours=1)

    @property
    def parts(self) -> tuple[slice, ...]:
        """Subscribers of each event file of a day: at least four files, none with much over a million events."""
        size = max(1, min(-(-self.subscribers // 4), int(PART_SUBSCRIBERS * 115 / self.rate)))
        return tuple(slice(n, min(n + size, self.subscribers)) for n in range(0, self.subscribers, size))

    def rng(self, stream: str, *numbers: int) -> np.random.Generator:
        """Random numbers of one named part of the simulation, independent of every other part's."""
        return np.random.default_rng([self.seed, *stream.encode(), *numbers])
