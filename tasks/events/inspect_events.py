"""Inspection of an event file: which format it has, or a mapping for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from tasks.events import id_matching, mapping_proposal
from tasks.events.column_roles import SampledColumn, by_form, by_name
from tasks.events.files import reader
from tasks.events.formats import Formats, parse
from tasks.events.formats.detect import Typed, UnreadableFile, choose, kind_of
from tasks.events.formats.sections import EventFormat, Ids
from tasks.events.inspection import GOOD, Inspection, Opened, Reading, opened
from tasks.events.sample import LandingContext, Shares, sampled, shares
from tasks.events.time_formats import event_time
from tasks.events.wall_clock import WallClockTimes, wall_times, zone_notes

ROLES = ("subscriber", "time", "cell", "mcc", "net", "area", "latitude", "longitude", "date", "clock")
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
            return _proposed(file, Inspection("events", why_not=str(fault), columns=file.looks), context, earlier)
        format_ = formats.events[name]
        with sampled(path, kind, format_, columns) as con:
            found, ids = _shares(con, format_, columns, zone, context)
        seen = wall_times(path, kind, format_, columns)
        notes = zone_notes(seen, context.label, zone, format_.time.timezone or zone)
        rule = ids if ids != context.ids else None
        known = Inspection("events", name, "", file.looks, _readings(found), notes=notes, ids=rule)
        is_utc = format_.time.zone is None and seen.fit_utc_better(context.label, zone, zone)
        if _reads(found, context) and not is_utc:
            return known
        if is_utc and _is_laid_out_by(format_, file):
            return _read_by(format_, file, known, context)
        other = _proposed(file, known, context, earlier)
        return other if is_utc or _score(other) > _score(known) else known


def _shares(
    con: duckdb.DuckDBPyConnection, format_: EventFormat, columns: Typed, zone: ZoneInfo, context: LandingContext
) -> tuple[Shares, Ids]:
    """What a known format reads by the given rule of ids, or by another one where that finds nobody; and the rule."""
    given = shares(con, format_, columns, zone, context)
    if _reads(given, context) or context.people is None:
        return given, context.ids
    for ids in id_matching.rules(context)[1:]:
        found = shares(con, format_, columns, zone, replace(context, ids=ids))
        if _reads(found, context):
            return found, ids
    return given, context.ids


def _reads(found: Shares, context: LandingContext) -> bool:
    """Whether nearly all rows are read, and some ids are known in the registers of the landing."""
    people = found.people is None or found.people >= NONE * found.rows
    cells = context.cells is None or found.cells >= NONE * found.rows
    return people and cells and min(found.subscribers, found.times) >= GOOD * found.rows


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


def _proposed(file: Opened, known: Inspection, context: LandingContext, earlier: Sequence[str]) -> Inspection:
    """The first earlier mapping that reads the file, or one by names, forms and the landing, if there is one."""
    for text in earlier:
        format_ = parse(text.encode(), "the proposal").events[mapping_proposal.OWN]
        if _is_laid_out_by(format_, file):
            seen = wall_times(file.path, file.kind, format_, file.columns)
            again, reads = _read(file, known, context, format_, seen)
            if reads:
                return again
    named = by_name(file.usable, ROLES)
    times = [named[role] for role in ("time", "date") if role in named]
    free = [look for look in file.usable if look not in named.values() and look.form]
    timed = event_time(file.con, times or free, file.usable)
    if not timed.read:
        return replace(known, notes=(*known.notes, "No column holds times in a form that a mapping can say."))
    roles = _roles(file, named, timed.columns, context)
    if "subscriber" not in roles or not ({"cell", "latitude"} & roles.keys()):
        return replace(known, notes=(*known.notes, "No column seems to hold subscriber ids, or none holds places."))
    return _read_by(mapping_proposal.events(file.layout, roles, timed), file, known, context)


def _roles(
    file: Opened, named: Mapping[str, SampledColumn], times: Sequence[SampledColumn], context: LandingContext
) -> dict[str, SampledColumn]:
    """The roles of the columns that hold no times; parts of a cell's id only as the cell plan has them."""
    rest = [look for look in file.usable if look not in times]
    found = by_form(rest, {role: look for role, look in named.items() if look in rest})
    found = id_matching.roles(file, rest, found, context)
    parts = {"mcc", "net", "area"}.difference(context.key or found)
    return {role: look for role, look in found.items() if role not in parts}


def _read_by(format_: EventFormat, file: Opened, known: Inspection, context: LandingContext) -> Inspection:
    """What a proposal makes of the sample; it says the timezone of times without offset, so that it is looked at."""
    seen = wall_times(file.path, file.kind, format_, file.columns)
    if seen.rows:  # UTC where that fits the folder better
        zone = "UTC" if seen.fit_utc_better(context.label, file.zone, file.zone) else file.zone.key
        format_ = format_.model_copy(update={"time": format_.time.model_copy(update={"zone": zone})})
    found, _ = _read(file, known, context, format_, seen)
    notes = found.notes
    if context.people is None:
        notes = (*notes, *file.id_notes(_subscriber(file, format_)))
    if known.format:
        notes = (*notes, f"Replace [events.{known.format}] with it, if that is your mapping.")
    return replace(found, notes=notes)


def _read(
    file: Opened, known: Inspection, context: LandingContext, format_: EventFormat, seen: WallClockTimes
) -> tuple[Inspection, bool]:
    """The file as a proposal reads it, and whether it does."""
    ids = id_matching.rule(file, _subscriber(file, format_), context)
    found = shares(file.con, format_, file.columns, file.zone, replace(context, ids=ids))
    inspection = replace(
        known,
        format=None,
        readings=_readings(found),
        proposal=mapping_proposal.of_format("events", format_),
        ids=ids if ids != context.ids else None,
        notes=zone_notes(seen, context.label, file.zone, format_.time.timezone or file.zone),
    )
    return inspection, _reads(found, context)


def _is_laid_out_by(format_: EventFormat, file: Opened) -> bool:
    """Whether a file has the layout and the columns of a proposal for another one."""
    signs = ("separator", "header", "names")
    names = {look.name for look in file.usable}
    same = all(getattr(format_, sign) == getattr(file.layout, sign) for sign in signs)
    return same and {format_.subscriber.column, *format_.time.column, *format_.cell.column} <= names


def _subscriber(file: Opened, format_: EventFormat) -> SampledColumn:
    return next(look for look in file.usable if look.name == format_.subscriber.column)
