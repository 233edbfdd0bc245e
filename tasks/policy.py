"""The policy: the promise in numbers, one reviewed file, known by its digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tasks.period import Cadence


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
    """Days, timezones, and the closing time of a day's folder."""

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
    """The persons who may be counted."""

    purpose: Annotated[str, Field(min_length=1)]
    minimum_age: Annotated[int, Field(ge=0, le=120)]
    segments: Annotated[tuple[Literal["consumer"], ...], Field(min_length=1)]
    home_mcc: Annotated[int, Field(ge=200, le=799)]
    other_purposes: tuple[Annotated[str, Field(min_length=1)], ...]
    """Purposes whose withdrawal leaves the consent valid; a withdrawal of any other purpose ends it."""

    @model_validator(mode="after")
    def _own_purpose_is_no_other(self) -> "Eligibility":
        if _folded(self.purpose) in map(_folded, self.other_purposes):
            raise ValueError(f"other_purposes lists {self.purpose}, the purpose itself")
        return self


class Rule(_Section):
    """A limit, and the severity of passing it."""

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
    """The rules for a day's landing."""

    unreadable_file: Literal["reject_file", "reject_day"]
    gate_days: Annotated[int, Field(ge=1, le=90)]
    register_shrink: Share
    rules: GateRules


class Silence(_Section):
    """How long a zone holds without an event, in presence and in stays."""

    max_gap_day_minutes: Annotated[int, Field(ge=1, le=1500)]
    max_gap_night_minutes: Annotated[int, Field(ge=1, le=1500)]
    max_hold_minutes: Annotated[int, Field(ge=0, le=1500)]


class Walk(_Section):
    """The speed rule of the walk."""

    speed_km: Annotated[float, Field(gt=0)]
    speed_mps: Annotated[float, Field(gt=0)]


class Stay(_Section):
    """When events of one zone are a stay."""

    min_dwell_minutes: Annotated[int, Field(ge=1, le=240)]
    max_ping_pong_minutes: Annotated[int, Field(ge=0, le=1500)]


class Home(_Section):
    """The fewest minutes a day that show a home and a workplace, on average over a month's days in the lake."""

    min_night_minutes: Annotated[int, Field(ge=1, le=480)]
    min_work_minutes: Annotated[int, Field(ge=1, le=480)]


class EstimateRules(_Section):
    """How counted persons are scaled to all people."""

    area: Literal["closed", "open"] = "closed"
    """Whether all residents are in the area at every hour, or on the average of the day."""


class Budget(_Section):
    """The cap of a subscriber-month, the products that it need not suffice for, and the delta of quoted epsilons."""

    cap: Annotated[Decimal, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1e-6)]
    leave_out: tuple[str, ...]
    """Names of products that are not made: no lake table, no release, no charge; their sections may be missing."""


class LevelPolicy(_Section):
    """One level of a product: noise sd in persons, squared L2 bound, and least value shown (None: all are)."""

    sigma: Annotated[Decimal, Field(gt=0)]
    bound: Annotated[int, Field(ge=1)]
    threshold: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _threshold_is_above_noise(self) -> "LevelPolicy":
        least = max(Decimal(20), 3 * self.sigma)
        if self.threshold is not None and self.threshold < least:
            raise ValueError(f"threshold {self.threshold} is below max(20, 3 sigma) = {least}")
        return self


def _by_level(cadence: object) -> object:
    """A product of one level gives its numbers without the level's name: the name is empty then."""
    holds_numbers = isinstance(cadence, dict) and not all(isinstance(value, dict) for value in cadence.values())
    return {"": cadence} if holds_numbers else cadence


Levels = Annotated[dict[str, LevelPolicy], BeforeValidator(_by_level)]


class Retention(_Section):
    """The lifetime of period keys."""

    keys_days: Annotated[int, Field(ge=1)]


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip() or set(text) & set("<>"):
        raise ValueError("must be one line of printable text, without < and > and without blanks at its ends")
    return text


Statement = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_one_line)]
"""One line that clients read."""


class Publisher(_Section):
    """What the operator states about itself and its deliveries; None is not stated."""

    name: Statement | None = None
    legal_address: Statement | None = None
    support: Statement | None = None
    support_hours: Statement | None = None
    url: Annotated[Statement, Field(pattern=r"^https://[^\s\"'()\[\]\\]+$")] | None = None
    licence: Statement | None = None
    sla: Statement | None = None
    retention: Statement | None = None
    """How long clients may keep a delivery."""
    recall: Statement | None = None
    """How a recall is announced, and what the client must do."""
    onward_sharing: Statement | None = None
    data_protection: Statement | None = None
    """The legal basis, and whom a subscriber or an authority may ask."""


class Policy(_Section):
    """The whole file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    time: Calendar
    who: Eligibility
    gate: Gate
    silence: Silence
    walk: Walk
    stay: Stay
    home: Home
    budget: Budget
    product: dict[str, dict[str, Levels]]
    retention: Retention
    estimate: EstimateRules = EstimateRules()
    publisher: Publisher = Publisher()

    @property
    def drawn(self) -> frozenset[tuple[str, str]]:
        """Products and cadences of which every release is drawn, and so charged."""
        return frozenset((product, cadence) for product, cadences in self.product.items() for cadence in cadences)

    def levels(self, product: str, cadence: Cadence) -> Mapping[str, LevelPolicy]:
        """The levels of a product at a cadence, in the file's order; one of a single level has no name."""
        return self.product[product][cadence.value]


@dataclass(frozen=True)
class ReviewedPolicy:
    """A policy with the SHA-256 of its values, those of `[publisher]` and `[estimate]` excepted: they are no promise.

    Comments and layout do not count either.
    """

    policy: Policy
    digest: str
    source: str
