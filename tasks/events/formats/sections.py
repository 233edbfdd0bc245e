"""The sections of a mapping: what a landing's files are called, how they are laid out, and what their columns hold."""

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tasks.policy import Timezone

_DIRECTIVE = re.compile(r"%(.?)")
_KNOWN = frozenset("YymdbBHIpMSfjz%")


def _pattern(text: str) -> str:
    if wrong := [d for d in _DIRECTIVE.findall(text) if d not in _KNOWN]:
        raise ValueError(f"%{wrong[0]} is not known; known: {' '.join('%' + d for d in sorted(_KNOWN))}")
    return text


def _separator(text: str) -> str:
    if text.isalnum() or text in "\"'\r\n\\":
        raise ValueError("must be one sign that is no letter, digit, quote, backslash or line end")
    return text


def _several(given: Any) -> Any:
    """One name, or a list of names."""
    return (given,) if isinstance(given, str) else given


def _column(given: Any) -> Any:
    """A column's name may stand for a table that holds nothing else."""
    return {"column": given} if isinstance(given, (str, list)) else given


Text = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_several), Field(min_length=1, max_length=20)]
Patterns = Annotated[
    tuple[Annotated[Text, AfterValidator(_pattern)], ...], BeforeValidator(_several), Field(max_length=20)
]
Separator = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_separator)]
Words = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=200)]


class Section(BaseModel):
    """A table of a mapping; unknown keys are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Layout(Section):
    """How files of a format are recognised and split into columns; all of it but `null_words` is about CSV."""

    files: Words = ()
    """Names of files this is for, as patterns such as `calls_*`; empty: any name."""
    suffixes: Words = (".csv",)
    """Names that end so are CSV; `.gz` or `.zst` may follow. Parquet is always `.parquet`."""
    separator: Separator = ","
    """The sign between values."""
    header: bool = True
    """Whether the first line holds the columns' names."""
    names: Annotated[Words, Field(max_length=1000)] = ()
    """The columns' names in order, if there is no header."""
    null_words: Words = ()
    """Texts that mean "no value", such as `NULL` or `\\N`."""

    @model_validator(mode="after")
    def _named_once(self) -> "Layout":
        if self.header == bool(self.names):
            raise ValueError("names are needed if header = false, and only then")
        if len({name.casefold() for name in self.names}) < len(self.names):
            raise ValueError("names holds a name twice")
        return self


class TimeForm(Section):
    """How a time is written; without `pattern` and `unit`: ISO 8601 text, or a timestamp."""

    pattern: Patterns = ()
    """As strptime takes it, one for each column: `%d.%m.%Y %H:%M:%S`."""
    unit: Literal["s", "ms", "us", "ns"] | None = None
    """The number counts these since 1970-01-01 UTC."""
    zone: Timezone | None = None
    """The timezone of times without offset, such as `UTC`; left out: the policy's `landing_timezone`."""
    int96: Literal["utc", "local"] = "utc"
    """What Parquet's INT96 means: Spark and Hive write UTC."""

    @property
    def timezone(self) -> ZoneInfo | None:
        """The timezone, if not the landing's."""
        return ZoneInfo(self.zone) if self.zone else None

    @model_validator(mode="after")
    def _one_form(self) -> "TimeForm":
        if self.pattern and self.unit:
            raise ValueError("pattern or unit, not both")
        if self.unit and self.zone:
            raise ValueError("a count since 1970 is UTC: zone means nothing")
        return self


Decimal = Literal[".", ","]


class Subscriber(Section):
    """Whose event it is."""

    column: Text
    """The column of the subscriber's id."""
    hex: bool = False
    """Ids are hexadecimal: upper and lower case are the same id."""


class EventTime(TimeForm):
    """When it happened."""

    column: Names
    """The column of the time; or two, of date and time."""

    @model_validator(mode="after")
    def _pattern_for_each(self) -> "EventTime":
        if self.pattern and len(self.pattern) != len(self.column):
            raise ValueError("pattern must have one text for each column")
        if self.unit and len(self.column) > 1:
            raise ValueError("unit is for one column")
        return self


class EventCell(Section):
    """Where it happened: a cell's id, or the cell nearest to coordinates; with both, these where there is no id."""

    column: Annotated[Names, Field(min_length=0)] = ()
    """The column of the cell's id; or several, joined by `separator`, as in the cell plan."""
    separator: Annotated[str, Field(max_length=5)] = "-"
    """What joins several columns."""
    latitude: Text | None = None
    """The column of the latitude, in degrees (WGS 84)."""
    longitude: Text | None = None
    """The column of the longitude."""
    within_m: Annotated[float, Field(gt=0, le=50_000)] = 1000
    """How far the nearest cell may be, in metres."""

    @model_validator(mode="after")
    def _somewhere(self) -> "EventCell":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude need each other")
        if not self.column and self.latitude is None:
            raise ValueError("column, or latitude and longitude, must be given")
        return self


class Network(Section):
    """The network of the event; one whose country is not `home_mcc` explains an unknown cell (`abroad`)."""

    plmn: Text
    """The column of country and network in one number."""
    mcc: Text
    """The column of the country."""
    mnc: Text
    """The column of the network."""


class EventFormat(Layout):
    """A format of event files."""

    detect: Words = ()
    """Columns that tell this format; the others may be absent. Left out: all that are named below."""
    subscriber: Annotated[Subscriber, BeforeValidator(_column)]
    """The subscriber; a name alone means `{ column = NAME }`, here and in the next two."""
    time: Annotated[EventTime, BeforeValidator(_column)]
    """The time."""
    cell: Annotated[EventCell, BeforeValidator(_column)]
    """The cell."""
    decimal: Decimal = "."
    """The sign before the fraction of coordinates that are text."""
    network: Network | None = None
    """The network, where the file tells it."""


Attribute = Literal["azimuth", "beam_width", "range_m", "height_m", "power_w", "technology"]


class CellFormat(Layout):
    """A format of the cell plan."""

    id: Annotated[EventCell, BeforeValidator(_column)]
    """The column of the cell's id, or several that are joined."""
    latitude: Text = "latitude"
    """The column of the latitude, in degrees (WGS 84)."""
    longitude: Text = "longitude"
    """The column of the longitude."""
    decimal: Decimal = "."
    """The sign before the fraction of coordinates that are text."""
    valid_from: Text | None = None
    """The column of the time from which the row holds; left out: always."""
    valid_to: Text | None = None
    """The column of the end time; an empty value is an open end."""
    end: Literal["exclusive", "inclusive"] = "exclusive"
    """Whether the day or instant in `valid_to` still belongs to the validity."""
    time: TimeForm = TimeForm()
    """How both times are written; a date alone is its first instant."""
    attributes: Annotated[dict[Attribute, Text], Field(default_factory=dict)]
    """`height_m = "antenna_height"`: the file's name of an optional column, in Throng's unit."""

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns without which a file does not have this format."""
        validity = (self.valid_from, self.valid_to)
        return (*self.id.column, self.latitude, self.longitude, *(name for name in validity if name))


class RegisterFormat(Layout):
    """A format of subscribers or consents: Throng's own columns, and the file's name of each."""

    columns: Annotated[dict[str, Text], Field(default_factory=dict)]
    """`subscriber_id = "MSISDN"`; columns that are not listed have Throng's names."""
    constants: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(default_factory=dict)]
    """The value that a column has in every row, where the file lacks it: `home_mcc = "262"`."""
    values: Annotated[dict[str, dict[str, str]], Field(default_factory=dict)]
    """Other words for Throng's: `gender = { w = "f", male = "m" }`; case ignored."""
    time: TimeForm = TimeForm()
    """How times are written; a grant of a date alone counts from the next day."""


def _folder(text: str) -> str:
    found = "".join(_DIRECTIVE.findall(text))
    if {*"Ymd"} - {*found} or {*found} - {*"YmdH"} or any(found.count(d) > 1 for d in found):
        raise ValueError("needs %Y, %m and %d once each, and %H below the day if at all")
    if "%H" in text and not re.fullmatch(r"[^%]*%H[^%]*", text.rpartition("/")[2]):
        raise ValueError("%H must be a folder of its own, below the day's")
    if text.startswith("/") or any(part in ("", ".", "..") for part in text.split("/")) or "\\" in text:
        raise ValueError("must be a path below events/")
    return text


class LandingNames(Section):
    """The names of the landing's folders, and of files to ignore."""

    folders: Annotated[tuple[Annotated[Text, AfterValidator(_folder)], ...], Field(min_length=1, max_length=20)] = (
        "date=%Y-%m-%d",
        "year=%Y/month=%m/day=%d",
    )
    """A day's folder below `events/`: `dt=%Y%m%d`; `%Y%m%d/hour=%H` also reads the hours below it."""
    ignore: Words = ()
    """Names of files that are not events, as patterns such as `*.flag`, besides those that are always ignored."""


class Ids(Section):
    """How subscriber ids are compared, in events and registers alike; blanks around them never count."""

    case: Literal["keep", "lower", "upper"] = "keep"
    """`lower` or `upper`: case does not tell ids apart."""
    prefixes: Annotated[dict[Text, Annotated[str, Field(max_length=20)]], Field(max_length=20)] = Field(
        default_factory=dict
    )
    """What an id begins with, and what stands for it: `{ "+" = "", "00" = "", "0" = "49" }`; the longest applies."""

    @field_validator("prefixes")
    @classmethod
    def _international_too(cls, prefixes: dict[str, str]) -> dict[str, str]:
        """A withdrawal of 0049170... must not become another number than the grant of +49170... or 49170...."""
        if "0" in prefixes and "00" not in prefixes:
            raise ValueError('"0" also begins numbers that begin with "00": say what stands for "00" too')
        return prefixes

    binary: Literal["hex", "text"] = "hex"
    """Binary ids are lower-case hexadecimal, or text."""
