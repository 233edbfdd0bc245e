"""Check everything that ingest will read. Keeps nothing, charges nothing and shows no value.

Each check returns what it found in a sentence, or raises what ingest would raise.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from secrets import token_bytes

import numpy as np

from tasks.errors import NotArrived, RejectedInput
from tasks.events.files import FileGroup, group_files
from tasks.events.folders import MOST_NAMED, dated, labels_of
from tasks.events.formats import Formats
from tasks.events.formats.detect import UnreadableFile
from tasks.events.gate import refuse_register_values
from tasks.events.inspect_events import NONE
from tasks.events.landing import LandingFile, find_day
from tasks.events.panel import read_panel
from tasks.events.plan_rules import PlanChecks
from tasks.events.sample import LandingContext, Shares, sampled, shares, subscriber_ids
from tasks.events.wall_clock import WallClockTimes, wall_times, zone_notes
from tasks.mobility.day import NO_ZONE
from tasks.mobility.plans import load_plans, unstated_sentence
from tasks.mobility.population import census_sentence, read_margins
from tasks.period import Period
from tasks.policy import Policy

MOST_FILES = 20
"""Event files that are looked at, of the newest folder."""
LEAST_SHARE = 0.95
"""Of a sample's rows that must have an id, a time and a known cell; the gate judges the whole day more exactly."""


@dataclass(frozen=True)
class LandingCheck:
    """Looks at a landing folder as of its newest day."""

    root: Path
    policy: Policy
    formats: Formats
    now: datetime

    @property
    def newest(self) -> date | None:
        """The newest day that has a folder."""
        return max(labels_of(self.root / "events", self.formats.landing), default=None)

    @property
    def day(self) -> date:
        """The newest day that has a folder; without any, today."""
        return self.newest or self.now.astimezone(self.policy.time.local).date()

    def plans(self) -> str:
        """Zones and cells as of the newest day, and rules for them that warn."""
        checks = PlanChecks()
        found = load_plans(self.root, self.day, self.policy.time, self.formats, checks)
        inside = int(np.count_nonzero(found.cells.zone != NO_ZONE))
        empty = len(found.zones.zone_ids) - len(np.setdiff1d(found.cells.zone, NO_ZONE))
        zones = f"{len(found.zones.zone_ids)} zones in {len(found.zones.districts)} districts"
        cells = f"{len(found.cells.cell_id)} cell versions stand on {self.day}, {inside} of them in a zone"
        without = [
            f"{empty} zones have no cell (`no_coverage`): neighbours count their persons, see `throng coverage`"
        ] * bool(empty)
        unstated = [unstated_sentence(found.unstated)] if found.unstated else []
        return ". ".join([f"{zones}; {cells}", *without, *unstated, *checks.warnings])

    def population(self) -> str:
        """Residents by the census, and districts that it leaves out."""
        try:
            zones = load_plans(self.root, self.day, self.policy.time, self.formats).zones
        except RejectedInput:
            return "not compared with the zones, which cannot be read"
        margins = read_margins(self.root, zones)
        return census_sentence(margins, zones) if margins else "no census: deliveries count subscribers, not people"

    def registers(self) -> str:
        """Subscribers and consents: how many persons may be counted."""
        panel, facts = read_panel(
            self.root,
            period=Period.day(self.day),
            time=self.policy.time,
            who=self.policy.who,
            now=self.now,
            keyed=[token_bytes(32)],  # of nobody's: the pseudonyms are thrown away
            formats=self.formats,
        )
        refuse_register_values(facts, self.policy.gate.rules.register_values)
        if not len(panel):
            raise RejectedInput(
                "Nobody may be counted: no subscriber is of age, of a counted segment, at home here, and consented.",
                f"Compare both registers with docs/reference/landing.md; purpose must be `{self.policy.who.purpose}`.",
                "panel.nobody",
            )
        return " ".join([f"{len(panel):,} persons may be counted on {self.day}.", *facts.notes])

    def events(self) -> str:
        """The newest folder's files: each one's format, and what share of their rows would be read."""
        if self.newest is None:
            near = dated(self.root / "events")[:MOST_NAMED]
            there = f"; {', '.join(near)} may be days" if near else ""
            raise NotArrived(
                f"events/ has no folder of a day{there}.",
                "Give their pattern in formats.toml ([landing] folders); `throng inspect` proposes it."
                if near
                else "Put a day's files into events/date=YYYY-MM-DD/.",
                "landing.no_day_folder",
            )
        files = find_day(self.root, self.day, self.policy.time, self.now, self.formats).files
        groups, unreadable = group_files(files[:MOST_FILES], self.formats)
        if unreadable:
            raise RejectedInput(
                f"{len(unreadable)} of the {len(files[:MOST_FILES])} newest event files cannot be read. "
                f"{unreadable[0].name}: {unreadable[0].why}.",
                f"`throng inspect {self.root / unreadable[0].name}` proposes a mapping.",
                "landing.unreadable_file",
            )
        people = subscriber_ids(self.root, self.formats)
        context = LandingContext(self._known_cells(), (), people, self.formats.ids, self.day)
        notes: list[str] = []
        for group in groups:
            bins = Counter[int]()
            for file in group.files:
                with _readable(file), sampled(file.path, group.kind, group.format, group.columns) as con:
                    found = shares(con, group.format, group.columns, self.policy.time.landing, context)
                    bins += wall_times(file.path, group.kind, group.format, group.columns).bins
                self._check(file, found)
            notes += self._zones(group, WallClockTimes(bins))
        said = f"{len(files)} files of {self.day}; of {len(files[:MOST_FILES])} a sample was read."
        return " ".join([said, *dict.fromkeys(notes)])

    def _zones(self, group: FileGroup, seen: WallClockTimes) -> tuple[str, ...]:
        """In which timezone times were read; raises RejectedInput where none is given and UTC fits the day better."""
        landing, form = self.policy.time.landing, group.format.time
        notes = zone_notes(seen, group.label, landing, form.timezone or landing)
        if form.zone is None and seen.fit_utc_better(group.label, landing, landing):
            raise RejectedInput(
                " ".join(notes),
                f'Say it: time = {{ ..., zone = "UTC" }}, or zone = "{landing.key}" if they are right as they are; '
                f"`throng inspect {group.files[0].path}` proposes the mapping.",
                "formats.zone_missing",
            )
        return notes

    def _known_cells(self) -> list[str] | None:
        """Ids of the cells that stand; None where the plans cannot be read, which their own check says."""
        try:
            plans = load_plans(self.root, self.day, self.policy.time, self.formats)
            return [str(cell) for cell in plans.cells.cell_id]
        except RejectedInput:
            return None

    def _check(self, file: LandingFile, found: Shares) -> None:
        """Raise RejectedInput naming what too few of a sample's rows have."""
        form = f"; the others have the form {found.unread_time}" if found.unread_time else ""
        lacking = [
            f"{count:,} have {what}"
            for count, what in (
                (found.subscribers, "a subscriber id"),
                (found.times, f"a time that can be read{form}"),
                (found.cells, "a cell of the cell plan"),
            )
            if count < LEAST_SHARE * found.rows
        ]
        if found.people is not None and found.people < NONE * found.rows:
            lacking.append(f"{found.people:,} have a subscriber of the register")
        if lacking or not found.rows:
            raise RejectedInput(
                f"{file.name}: of {found.rows:,} rows {', '.join(lacking) or 'none is there'}.",
                f"`throng inspect {file.path}` compares it with registers and cells, and proposes a mapping.",
                "landing.rows_unusable",
            )


@contextmanager
def _readable(file: LandingFile) -> Iterator[None]:
    try:
        yield
    except UnreadableFile as fault:
        raise RejectedInput(f"{file.name}: {fault}.", "Send it again.", "landing.unreadable_file") from None
