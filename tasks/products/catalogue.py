"""The catalogue: every data product that exists, with its version, cadence and levels."""

from dataclasses import dataclass
from difflib import get_close_matches

from tasks.errors import Misconfigured
from tasks.period import Cadence, Period
from tasks.policy import Policy
from tasks.privacy.protect import LevelRule


@dataclass(frozen=True)
class Product:
    """A data product: statistics over one cadence, drawn together as one release."""

    name: str
    version: int
    cadence: Cadence
    levels: tuple[str, ...]
    for_clients: bool
    hidden: bool = False

    def rules(self, policy: Policy, hours: int) -> tuple[LevelRule, ...]:
        """What the policy says of each level, for a period of so many hours, in the order of `levels`."""
        known = policy.product.levels(self.name, self.cadence.value)
        return tuple(
            LevelRule(name, known[name].sigma, known[name].bound_on(hours), known[name].threshold)
            for name in self.levels
        )

    def check(self, period: Period) -> None:
        """Raise Misconfigured if the product is not made for periods of this length."""
        if period.cadence is not self.cadence:
            raise Misconfigured(
                f"{self.name} is made by the {self.cadence.value}, and {period} is a {period.cadence.value}.",
                f"Give a {self.cadence.value}, for example {Period.holding(self.cadence, period.first)}.",
            )


FOOTFALL = Product("footfall", 1, Cadence.DAY, ("zone_hour", "district_hour_demographic"), for_clients=True)
PANEL = Product("panel", 1, Cadence.MONTH, ("district_demographic",), for_clients=False)
GATE_PROFILE = Product("gate_profile", 1, Cadence.DAY, ("rows",), for_clients=False, hidden=True)

CATALOGUE = {product.name: product for product in (FOOTFALL, PANEL, GATE_PROFILE)}
PUBLISHED = tuple(name for name, product in CATALOGUE.items() if not product.hidden)
FOR_CLIENTS = tuple(name for name, product in CATALOGUE.items() if product.for_clients)

AGE_BANDS = ("-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS = ("f", "m", "x")


def find(name: str) -> Product:
    """The published product of this name; raises Misconfigured naming the nearest one."""
    if name in PUBLISHED:
        return CATALOGUE[name]
    near = get_close_matches(name, PUBLISHED, 1)
    raise Misconfigured(
        f"There is no product '{name[:40]}'.",
        f"Did you mean '{near[0]}'?" if near else f"Products: {', '.join(PUBLISHED)}.",
    )
