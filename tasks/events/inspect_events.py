"""Inspection of an event file: which format it has, or a mapping for it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import proposal
from tasks.events.files import reader
from tasks.events.formats import Formats, parse
from tasks.events.formats.detect import Typed, Unfit, choose, kind_of
from tasks.events.formats.sections import EventFormat
from tasks.events.inspection import Inspection, Opened, Reading, opened
from tasks.events.roles import by_form, by_name
from tasks.events.sample import Shares, sampled, shares
from tasks.events.time_forms import event_time

ROLES = ("subscriber", "time", "cell", "mcc", "net", "area", "latitude", "longitude", "date", "clock")
GOOD = 0.95
"""A share of rows below which a mapping is proposed although a known format fits."""


def inspect_events(
    path: Path, formats: Formats, zone: ZoneInfo, cells: Sequence[str] | None, key: Sequence[str] = ()
) -> Inspection:
    """Look at a sample; raises Unfit if nothing can be read.

    `cells`: ids of the cell plan, and `key`: the roles that make them there; if there is one.
    """
    with opened(path, zone) as file:
        try:
            kind = kind_of(path.name, tuple(formats.events.values()))
            name, columns = choose(path.name, formats, reader(path, kind))
        except Unfit as fault:
            known = Inspection("events", why_not=str(fault), columns=file.looks)
        else:
            found = _sample(path, kind, formats.events[name], columns, zone, cells)
            known = Inspection("events", name, columns=file.looks, readings=_readings(found))
            if min(found.subscribers, found.times) >= GOOD * found.rows:
                return known
        return _proposed(file, known, cells, key)


def _sample(
    path: Path, kind: str, format_: EventFormat, columns: Typed, zone: ZoneInfo, cells: Sequence[str] | None
) -> Shares:
    with sampled(path, kind, format_, columns) as con:
        return shares(con, format_, columns, zone, cells)


def _readings(found: Shares) -> tuple[Reading, ...]:
    return (
        Reading("subscriber ids", found.subscribers, found.rows),
        Reading("times", found.times, found.rows, found.unread_time),
        Reading("cells", found.cells, found.rows),
    )


def _proposed(file: Opened, known: Inspection, cells: Sequence[str] | None, key: Sequence[str]) -> Inspection:
    """A mapping by names and forms; without one where subscriber or time cannot be found."""
    roles = by_name(file.usable, ROLES)
    named = [roles[role] for role in ("time", "date") if role in roles]
    free = [look for look in file.usable if look not in roles.values() and look.form]
    timed = event_time(file.con, named or free, file.usable)
    if not timed.read:
        return replace(known, notes=(*known.notes, "No column holds times in a form that a mapping can say."))
    rest = [look for look in file.usable if look not in timed.columns]
    roles = by_form(rest, {role: look for role, look in roles.items() if look in rest})
    if "subscriber" not in roles or not ({"cell", "latitude"} & roles.keys()):
        return replace(known, notes=(*known.notes, "No column seems to hold subscriber ids, or none holds places."))
    if key:
        roles = {role: look for role, look in roles.items() if role in key or role not in ("mcc", "net", "area")}
    text = proposal.events(file.layout, roles, timed)
    format_ = parse(text.encode(), "the proposal").events[proposal.OWN]
    found = shares(file.con, format_, file.columns, file.zone, cells)
    notes = (*known.notes, *file.id_notes(roles["subscriber"]))
    return replace(known, readings=_readings(found), proposal=text, notes=notes)
