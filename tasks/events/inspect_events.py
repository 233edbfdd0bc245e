"""Inspection of an event file: which format it has, or a mapping for it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import id_matching, mapping_proposal
from tasks.events.column_roles import SampledColumn, by_form, by_name
from tasks.events.files import reader
from tasks.events.formats import Formats, parse
from tasks.events.formats.detect import Typed, UnreadableFile, by_format, choose, kind_of
from tasks.events.formats.sections import EventFormat, Layout
from tasks.events.inspection import Inspection, Opened, Reading, opened
from tasks.events.landing_context import LandingContext
from tasks.events.sample import Shares, placed, sampled, shares
from tasks.events.time_formats import Timed, event_time
from tasks.events.wall_clock import WallClockTimes, wall_times

ROLES = ("subscriber", "time", "cell", "mcc", "net", "area", "latitude", "longitude", "date", "clock")
GOOD = 0.95
"""A share of rows below which a mapping is proposed although a known format fits."""
NONE = 0.05
"""A share of rows below which ids match nothing in the landing."""


def inspect_events(
    path: Path, formats: Formats, zone: ZoneInfo, context: LandingContext, earlier: Sequence[str] = ()
) -> Inspection:
    """Look at a sample; `earlier`: what was proposed for other files. Raises UnreadableFile if nothing can be read."""
    with opened(path, zone) as file:
        try:
            kind = kind_of(path.name, tuple(formats.events.values()))
            name, columns = choose(path.name, formats, reader(path, kind))
        except UnreadableFile as fault:
            return _proposed(path, file, Inspection("events", why_not=str(fault), columns=file.looks), context, earlier)
        format_ = formats.events[name]
        found = _sample(path, kind, format_, columns, zone, context)
        seen = wall_times_of(path, kind, format_, columns)
        notes = zone_notes(seen, context, zone, format_.time.timezone or zone)
        known = Inspection("events", name, "", file.looks, _readings(found), notes=notes)
        other_zone = format_.time.zone is None and is_utc(seen, context, zone)
        if min(found.subscribers, found.times) >= GOOD * found.rows and _matches(found, context) and not other_zone:
            return known
        other = _proposed(path, file, known, context, earlier)
        return other if other_zone or _score(other) > _score(known) else known


def _sample(
    path: Path, kind: str, format_: EventFormat, columns: Typed, zone: ZoneInfo, context: LandingContext
) -> Shares:
    with sampled(path, kind, format_, columns) as con:
        return shares(con, format_, columns, zone, context)


def wall_times_of(path: Path, kind: str, format_: EventFormat, columns: Typed) -> WallClockTimes:
    """A file's times without offset as a format reads them; raises UnreadableFile."""
    own = placed(columns)
    there = by_format(tuple(own), format_.time.column)
    times = [replace(own[there[name]], null_words=format_.null_words) for name in format_.time.column]
    return wall_times(path, kind, format_, columns, format_.time, times)


def _matches(found: Shares, context: LandingContext) -> bool:
    """Whether some ids are known in the registers of the landing."""
    people = found.people is None or found.people >= NONE * found.rows
    return people and (context.cells is None or found.cells >= NONE * found.rows)


def _score(found: Inspection) -> int:
    return sum(reading.read for reading in found.readings)


def _readings(found: Shares) -> tuple[Reading, ...]:
    people = [] if found.people is None else [Reading("subscribers of the register", found.people, found.rows)]
    return (
        Reading("subscriber ids", found.subscribers, found.rows),
        *people,
        Reading("times", found.times, found.rows, found.unread_time),
        Reading("cells", found.cells, found.rows),
    )


def _proposed(
    path: Path, file: Opened, known: Inspection, context: LandingContext, earlier: Sequence[str]
) -> Inspection:
    """A mapping by names, forms and the landing; without one where subscriber or time cannot be found."""
    for text in earlier:
        if again := _as_before(path, file, known, context, text):
            return again
    roles = by_name(file.usable, ROLES)
    named = [roles[role] for role in ("time", "date") if role in roles]
    free = [look for look in file.usable if look not in roles.values() and look.form]
    timed = event_time(file.con, named or free, file.usable)
    if not timed.read:
        return replace(known, notes=(*known.notes, "No column holds times in a form that a mapping can say."))
    rest = [look for look in file.usable if look not in timed.columns]
    roles = by_form(rest, {role: look for role, look in roles.items() if look in rest})
    roles = id_matching.roles(file, rest, roles, context)
    if "subscriber" not in roles or not ({"cell", "latitude"} & roles.keys()):
        return replace(known, notes=(*known.notes, "No column seems to hold subscriber ids, or none holds places."))
    if context.key:
        roles = {
            role: look for role, look in roles.items() if role in context.key or role not in ("mcc", "net", "area")
        }
    seen = wall_times(path, file.kind, file.layout, file.columns, timed.form, [look.column for look in timed.columns])
    return _read(file, known, context, roles, _zoned(timed, seen, context, file.zone), seen)


def _read(
    file: Opened,
    known: Inspection,
    context: LandingContext,
    roles: dict[str, SampledColumn],
    timed: Timed,
    seen: WallClockTimes,
) -> Inspection:
    """What the proposal makes of the sample."""
    text = mapping_proposal.events(file.layout, roles, timed)
    ids = id_matching.ids_rule(file, roles["subscriber"], context)
    format_ = parse(text.encode(), "the proposal").events[mapping_proposal.OWN]
    found = shares(file.con, format_, file.columns, file.zone, replace(context, ids=ids))
    notes = zone_notes(seen, context, file.zone, format_.time.timezone or file.zone)
    if context.people is None:
        notes = (*notes, *file.id_notes(roles["subscriber"]))
    if known.format:
        notes = (*notes, f"Replace [events.{known.format}] with it, if that is your mapping.")
    return replace(
        known,
        readings=_readings(found),
        proposal=text,
        ids=id_matching.changed_rule(ids, context),
        notes=notes,
        format=None,
    )


def _as_before(path: Path, file: Opened, known: Inspection, context: LandingContext, text: str) -> Inspection | None:
    """As the proposal for another file reads this one, if it does: files of one layout need one mapping."""
    format_ = parse(text.encode(), "the proposal").events[mapping_proposal.OWN]
    layout = Layout.model_validate({key: getattr(format_, key) for key in Layout.model_fields})
    same = (layout.separator, layout.header, layout.names) == (
        file.layout.separator,
        file.layout.header,
        file.layout.names,
    )
    names = {look.name for look in file.usable}
    if not same or not {format_.subscriber.column, *format_.time.column, *format_.cell.column} <= names:
        return None
    subscriber = next(look for look in file.usable if look.name == format_.subscriber.column)
    ids = id_matching.ids_rule(file, subscriber, context)
    found = shares(file.con, format_, file.columns, file.zone, replace(context, ids=ids))
    seen = wall_times_of(path, file.kind, format_, file.columns)
    notes = zone_notes(seen, context, file.zone, format_.time.timezone or file.zone)
    if min(found.subscribers, found.times) < GOOD * found.rows or not _matches(found, context):
        return None
    other = id_matching.changed_rule(ids, context)
    return replace(known, readings=_readings(found), proposal=text, ids=other, notes=notes, format=None)


def _zoned(timed: Timed, seen: WallClockTimes, context: LandingContext, zone: ZoneInfo) -> Timed:
    """With the timezone of times without offset, so that it is looked at: UTC where that fits the folder better."""
    if not seen.rows:
        return timed
    named = "UTC" if is_utc(seen, context, zone) else zone.key
    return replace(timed, form=timed.form.model_copy(update={"zone": named}))


def is_utc(seen: WallClockTimes, context: LandingContext, zone: ZoneInfo) -> bool:
    """Whether times without offset that are read in `zone` fit the folder's day better in UTC."""
    return bool(seen.rows and context.label and seen.fit_utc_better(context.label, zone, zone))


def zone_notes(seen: WallClockTimes, context: LandingContext, landing: ZoneInfo, read_in: ZoneInfo) -> tuple[str, ...]:
    """In which timezone times without offset are read, and from when to when they run against the folder's day."""
    if not seen.rows:
        return ()
    first, last = (f"{end:%Y-%m-%d %H:%M}" for end in seen.ends)
    said = f"{seen.rows:,} times without offset are read in {read_in.key}; nearly all lie from {first} to {last}"
    if context.label is None:
        return (f"{said}.",)
    here, utc = (seen.within(context.label, landing, zone) / seen.rows for zone in (landing, ZoneInfo("UTC")))
    day = f"{here:.1%} of them lie on the folder's day if they are of {landing.key}, {utc:.1%} if they are UTC"
    better = seen.fit_utc_better(context.label, landing, read_in)
    return (f"{said}; {day}." + (' They seem to be UTC: `zone = "UTC"`.' if better else ""),)
