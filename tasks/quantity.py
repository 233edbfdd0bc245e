"""What the numbers of a level measure, and how the delivered column of that name is read."""

from dataclasses import dataclass
from enum import StrEnum

PEOPLE = ("people", "people_low", "people_high")
"""Columns of all people, or of what they did, and of the ends of their interval: in the release and in the delivery."""


class CountKind(StrEnum):
    """What numbers count: how all people are estimated depends on it."""

    PERSONS = "persons"
    """At an instant, those present; over a longer time, those with a stay."""
    STAYS = "stays"
    TRIPS = "trips"


class Split(StrEnum):
    """What a key column splits counts by, where the estimate of all people depends on it."""

    AGE_BAND = "age_band"
    GENDER = "gender"
    HOME = "home"
    """The district in which a person lives."""
    ARRIVAL = "arrival"
    """Whether a stay began on the day, or before it."""
    DAY_PART = "day_part"
    """In which a stay began."""
    LENGTH = "length"
    """Of a stay."""


@dataclass(frozen=True)
class Quantity:
    """A measured quantity: the name of its column, its unit, and what one number is."""

    name: str
    """The delivered column, and its noun."""
    unit: str
    meaning: str
    """What a number is, as a phrase."""
    example: tuple[float, float, float, float]
    """A made-up number, the ends of its interval, and its standard error."""
    decimals: int = 0
    """Digits after the point in a delivery."""
    counts: CountKind | None = CountKind.PERSONS
    """What is counted, so that an estimator can extrapolate it to everybody; None: it is no count."""
    happens: bool = False
    """Whether each counted thing happens once, so that sums over time count nothing twice."""

    @property
    def columns(self) -> tuple[str, str, str]:
        """The delivered columns of the number and of its interval's ends."""
        return self.name, f"{self.name}_low", f"{self.name}_high"

    @property
    def of_people(self) -> bool:
        """Whether it counts persons, not what they did."""
        return self.counts is CountKind.PERSONS


_COUNT = (1250.0, 1197.0, 1303.0, 32.0)

PERSONS = Quantity("persons", "persons", "Opted-in subscribers counted, noise included", _COUNT)
VISITS = Quantity(
    "visits", "visits", "Visits of opted-in subscribers, noise included", _COUNT, counts=CountKind.STAYS, happens=True
)
TRIPS = Quantity(
    "trips", "trips", "Trips of opted-in subscribers, noise included", _COUNT, counts=CountKind.TRIPS, happens=True
)
MINUTES = Quantity(
    "minutes", "min", "Minutes, computed from noisy counts", (34.5, 30.8, 38.2, 2.2), decimals=1, counts=None
)
KILOMETRES = Quantity(
    "kilometres", "km", "Kilometres, computed from noisy counts", (8.4, 7.1, 9.8, 0.8), decimals=1, counts=None
)
DISTRICTS = Quantity(
    "districts", "districts", "Number of districts, computed from noisy counts", (5.0, 4.0, 6.0, 0.5), counts=None
)
