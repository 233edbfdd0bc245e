"""The catalogue: every data product that exists, with its version, cadence and levels."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from tasks.errors import Misconfigured
from tasks.period import Cadence, Period
from tasks.policy import Policy
from tasks.privacy.bounds import LevelRule

AGE_BANDS = ("-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS = ("f", "m", "x")


@dataclass(frozen=True)
class Level:
    """One level of a product: what its rows count, where, by which further keys, and what may be added up."""

    name: str
    place: Literal["zone", "district"]
    meaning: str
    keys: Mapping[str, tuple[str, ...]]
    additive: tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """A data product: statistics over one cadence, drawn together as one release."""

    name: str
    version: int
    cadence: Cadence
    levels: tuple[Level, ...]
    for_clients: bool
    hidden: bool = False

    @property
    def level_names(self) -> tuple[str, ...]:
        """The levels' names, in order."""
        return tuple(level.name for level in self.levels)

    def rules(self, policy: Policy, hours: int) -> tuple[LevelRule, ...]:
        """What the policy says of each level, for a period of so many hours, in the order of `levels`."""
        known = policy.product.levels(self.name, self.cadence.value)
        return LevelRule.reviewed(dict(zip(self.level_names, known, strict=True)), hours)

    def check(self, period: Period) -> None:
        """Raise Misconfigured if the product is not made for periods of this length."""
        if period.cadence is not self.cadence:
            raise Misconfigured(
                f"{self.name} is made by the {self.cadence.value}, and {period} is a {period.cadence.value}.",
                f"Give a {self.cadence.value}, for example {Period.holding(self.cadence, period.first)}.",
            )

    def check_for_clients(self) -> None:
        """Raise Misconfigured if the product is for ourselves only."""
        if not self.for_clients:
            raise Misconfigured(f"{self.name} is not for clients.", f"Products: {', '.join(FOR_CLIENTS)}.")


DEMOGRAPHIC = {"age_band": AGE_BANDS, "gender": GENDERS}
FOOTFALL = Product(
    "footfall",
    1,
    Cadence.DAY,
    (
        Level(
            "zone_hour",
            "zone",
            "Persons who were in this zone for more of the hour than in any other; each person counts once an hour.",
            {},
            ("zone_id",),
        ),
        Level(
            "district_hour_demographic",
            "district",
            "The same persons by district, age band and gender.",
            DEMOGRAPHIC,
            ("zone_id", "age_band", "gender"),
        ),
    ),
    for_clients=True,
)
PANEL = Product(
    "panel",
    1,
    Cadence.MONTH,
    (
        Level(
            "district_demographic",
            "district",
            "Persons of the panel by home district, age band and gender.",
            DEMOGRAPHIC,
            ("district_id", "age_band", "gender"),
        ),
    ),
    for_clients=False,
)
GATE_PROFILE = Product(
    "gate_profile",
    1,
    Cadence.DAY,
    (Level("rows", "zone", "Rows of the panel by local hour, and by reason where they were not used.", {}, ()),),
    for_clients=False,
    hidden=True,
)

CATALOGUE = {product.name: product for product in (FOOTFALL, PANEL, GATE_PROFILE)}
PUBLISHED = tuple(name for name, product in CATALOGUE.items() if not product.hidden)
FOR_CLIENTS = tuple(name for name, product in CATALOGUE.items() if product.for_clients)


def find(name: str) -> Product:
    """The published product of this name; raises Misconfigured naming the nearest one."""
    if name in PUBLISHED:
        return CATALOGUE[name]
    near = get_close_matches(name, PUBLISHED, 1)
    raise Misconfigured(
        f"There is no product '{name[:40]}'.",
        f"Did you mean '{near[0]}'?" if near else f"Products: {', '.join(PUBLISHED)}.",
    )
