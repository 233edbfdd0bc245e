"""The policy: the promise in numbers, one reviewed file, read once, known by its digest."""

import hashlib
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from tasks.errors import Misconfigured


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, ZoneInfoNotFoundError):  # a folder, a path, or no such name
        raise ValueError(f"'{name}' is not an IANA timezone") from None


Timezone = Annotated[str, AfterValidator(_timezone)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calendar(_Section):
    """What a day is, and when its folder is closed."""

    timezone: Timezone
    landing_timezone: Timezone
    close_after: Annotated[float, Field(ge=0)]
    lateness_days: Annotated[int, Field(ge=0, le=14)]
    catch_up_days: Annotated[int, Field(ge=1, le=62)]

    @property
    def local(self) -> ZoneInfo:
        """The network's own timezone."""
        return ZoneInfo(self.timezone)

    @property
    def landing(self) -> ZoneInfo:
        """The timezone of `date=` labels and of times without an offset."""
        return ZoneInfo(self.landing_timezone)


def _folded(words: str) -> str:
    return "".join(words.lower().split())


class Eligibility(_Section):
    """Who may be counted at all."""

    purpose: Annotated[str, Field(min_length=1)]
    minimum_age: Annotated[int, Field(ge=0, le=120)]
    segments: Annotated[tuple[Literal["consumer"], ...], Field(min_length=1)]
    home_mcc: Annotated[int, Field(ge=200, le=799)]
    other_purposes: tuple[Annotated[str, Field(min_length=1)], ...]
    """Purposes whose withdrawal leaves our consent as it is; a withdrawal of any other purpose ends it."""

    @model_validator(mode="after")
    def _ours_is_no_other(self) -> "Eligibility":
        if _folded(self.purpose) in map(_folded, self.other_purposes):
            raise ValueError(f"other_purposes lists {self.purpose}, our own purpose")
        return self


class Rule(_Section):
    """A limit and what passing it means."""

    limit: Annotated[float, Field(ge=0)]
    severity: Literal["critical", "warning"]


class GateRules(_Section):
    """The batch gate's rules by name."""

    rejected_files: Rule
    empty_files: Rule
    unreadable_rows: Rule
    missing_subscribers: Rule
    register_values: Rule
    rows_kept: Rule
    rows_low: Rule
    rows_high: Rule
    bad_times: Rule
    unusable_cells: Rule
    other_days: Rule
    hours_covered: Rule
    lateness_hours: Rule


class Gate(_Section):
    """How a day's landing is judged."""

    unreadable_file: Literal["reject_file", "reject_day"]
    gate_days: Annotated[int, Field(ge=1, le=90)]
    register_shrink: Share
    rules: GateRules


class Presence(_Section):
    """How long an event's zone holds over silence."""

    max_gap_minutes: Annotated[int, Field(ge=1, le=1500)]


class Walk(_Section):
    """The speed rule of the walk."""

    speed_km: Annotated[float, Field(gt=0)]
    speed_mps: Annotated[float, Field(gt=0)]


class Budget(_Section):
    """What a subscriber-month may cost over all products, and the delta at which epsilon is quoted."""

    cap: Annotated[Decimal, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1e-6)]


class Level(_Section):
    """One level of a product: noise sd in persons, and squared L2 bound. Nothing is withheld: it is for our own use."""

    sigma: Annotated[Decimal, Field(gt=0)]
    bound: Annotated[int, Field(ge=1)]

    @property
    def least(self) -> int | None:
        """The least value shown; None: all are."""
        return None

    def bound_on(self, hours: int) -> int:
        """The squared L2 bound on a period of so many hours."""
        return self.bound

    def rho(self, hours: int = 24) -> Fraction:
        """Exact rho-zCDP of one release inside a month, K / (2 sigma^2)."""
        return Fraction(self.bound_on(hours)) / (2 * Fraction(self.sigma) ** 2)


class ShownLevel(Level):
    """A level that clients see: values below the threshold are withheld."""

    threshold: Annotated[int, Field(ge=0)]

    @property
    def least(self) -> int | None:
        """The least value shown."""
        return self.threshold

    @model_validator(mode="after")
    def _threshold_is_above_noise(self) -> "ShownLevel":
        least = max(Decimal(20), 3 * self.sigma)
        if self.threshold < least:
            raise ValueError(f"threshold {self.threshold} is below max(20, 3 sigma) = {least}")
        return self


class HourlyLevel(ShownLevel):
    """A level with one entry an hour: the bound is the day's hours, 25 on the long day, by definition."""

    @model_validator(mode="after")
    def _bound_is_the_day(self) -> "HourlyLevel":
        if self.bound != 24:
            raise ValueError("bound is 24 by definition: one zone an hour")
        return self

    def bound_on(self, hours: int) -> int:
        """24, or 25 on the long day."""
        return max(self.bound, hours)


class FootfallDay(_Section):
    """Persons by zone and hour; and by district, hour, age band and gender."""

    zone_hour: HourlyLevel
    district_hour_demographic: HourlyLevel


class Footfall(_Section):
    """Daily footfall."""

    day: FootfallDay


class Panel(_Section):
    """Panel persons by home district, age band and gender, once a month."""

    month: Level


class GateProfile(_Section):
    """Rows by hour and by reason, for our own gate, once a day."""

    day: Level


class Products(_Section):
    """Every product that exists."""

    footfall: Footfall
    panel: Panel
    gate_profile: GateProfile

    def levels(self, product: str, cadence: str) -> tuple[Level, ...]:
        """The levels of a product at a cadence, in the order of the catalogue; empty where the policy has none."""
        section = getattr(getattr(self, product, None), cadence, None)
        if section is None or isinstance(section, Level):
            return (section,) if section else ()
        return tuple(getattr(section, name) for name in type(section).model_fields)


class Retention(_Section):
    """How long period keys live."""

    keys_days: Annotated[int, Field(ge=1)]


LONGEST_MONTH = {"day": (24,) * 30 + (25,), "week": (168,) * 6, "month": (745,)}
"""Hours of each period of a cadence in the costliest month: 31 days with one of 25 h, six ISO weeks."""


class Policy(_Section):
    """The whole file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    time: Calendar
    who: Eligibility
    gate: Gate
    presence: Presence
    walk: Walk
    budget: Budget
    product: Products
    retention: Retention

    def longest_month(self) -> Fraction:
        """rho of the costliest month, each scheduled release once; a week over two months costs each twice its rho."""
        total = Fraction(0)
        for product in type(self.product).model_fields:
            for cadence, hours in LONGEST_MONTH.items():
                factor = 2 if cadence == "week" else 1
                for level in self.product.levels(product, cadence):
                    total += sum(level.rho(h) for h in hours) * factor
        return total

    @model_validator(mode="after")
    def _month_fits_its_cap(self) -> "Policy":
        longest = self.longest_month()
        if longest > Fraction(self.budget.cap):
            raise ValueError(f"the longest month costs rho {float(longest):.4f}, over the cap {self.budget.cap}")
        return self


@dataclass(frozen=True)
class ReviewedPolicy:
    """A policy with the SHA-256 of the bytes that were reviewed."""

    policy: Policy
    digest: str
    source: str


def shipped() -> Path:
    """The shipped policy: inside the installed package, or beside pyproject.toml in a checkout."""
    inside = Path(str(files("tasks"))) / "policy.toml"
    return inside if inside.exists() else inside.parent.parent / "policy.toml"


def _sentence(error: ValidationError) -> str:
    words = {"missing": "is missing", "extra_forbidden": "is not known"}
    faults = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "the policy"
        said = words.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        faults.append(f"{key}: {said}" if fault["type"] not in words else f"{key} {said}")
    return "; ".join(faults)


def load(path: Path | None = None) -> ReviewedPolicy:
    """Read and check a policy; raises Misconfigured naming each unknown, missing or impossible key."""
    path = path or shipped()
    try:
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"The policy {path} cannot be read: {error}.", "Mend it, or unset THRONG_POLICY.") from None
    try:
        return ReviewedPolicy(Policy.model_validate(data), hashlib.sha256(content).hexdigest(), str(path))
    except ValidationError as error:
        raise Misconfigured(
            f"The policy {path} is refused: {_sentence(error)}.",
            "Compare with the shipped policy.toml; over the cap, a larger sigma or a larger cap is needed.",
        ) from None
