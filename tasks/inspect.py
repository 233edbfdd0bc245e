"""inspect(path): the format of a landing file, and what is read of it. Keeps nothing and shows no value."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.errors import Misconfigured, RejectedInput
from tasks.events import mapping_proposal
from tasks.events.folders import ignored, label_of
from tasks.events.formats import Formats, parse
from tasks.events.formats.detect import UnreadableFile
from tasks.events.formats.sections import LandingNames
from tasks.events.inspect_events import inspect_events
from tasks.events.inspect_registers import inspect_register
from tasks.events.inspection import Inspection, Reading
from tasks.events.landing_context import LandingContext, subscriber_ids
from tasks.mobility.topology import read_topology
from tasks.mobility.zone_file import read_zones
from tasks.policy import Policy

REGISTERS = ("subscribers", "consents", "cells")
ZONES = (".geojson", ".json")
NOT_EVENTS = ("population", "footprints", "formats", "truth")
MOST_FILES = 5
"""Event files of a folder that are looked at."""


FOLDERS: Mapping[str, str] = {
    r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d",
    r"\d{8}": "%Y%m%d",
    r"\d{4}_\d{2}_\d{2}": "%Y_%m_%d",
    r"dt=\d{8}": "dt=%Y%m%d",
    r"(dt|day|ds)=\d{4}-\d{2}-\d{2}": "{0}=%Y-%m-%d",
}
"""Names of a day's folder, and the patterns that a mapping has for them."""
GUESSED = ("%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "dt=%Y%m%d", *(f"{name}=%Y-%m-%d" for name in ("dt", "day", "ds")))
"""All these patterns."""


@dataclass(frozen=True)
class Inspect:
    """Looks at a file, or at the files of a folder, by a policy and the known formats."""

    policy: Policy
    formats: Formats

    def __call__(self, path: Path) -> list[tuple[Path, Inspection]]:
        """Each file and what it is; raises RejectedInput for one that cannot be read, Misconfigured for none."""
        files = list(_files(path)) if path.is_dir() else [path]
        if not files or not path.exists():
            raise Misconfigured(
                f"{path} is no file, and no folder with files of a landing.",
                "Name one of the two.",
                "inspect.nothing_there",
            )
        found, context = list[tuple[Path, Inspection]](), dict[Path, LandingContext]()
        for file in files:
            root = _root(file)
            if _kind(file) == "events" and root not in context:
                context[root] = self._beside(root)
            earlier = [each.proposal for _, each in found if each.kind == "events" and each.proposal]
            found.append((file, self._one(file, context.get(root, LandingContext()), list(dict.fromkeys(earlier)))))
        return found

    def mapping(self, path: Path, found: Sequence[tuple[Path, Inspection]]) -> str:
        """One mapping of all that is proposed."""
        rules = [mapping_proposal.ids(each.ids) for _, each in found if each.ids]
        return mapping_proposal.together([self.folders(path), *rules, *(each.proposal for _, each in found)])

    def folders(self, path: Path) -> str:
        """A mapping of the landing's folders, where they are called in another known way; else empty."""
        names = [below.name for below in (path / "events").glob("*") if below.is_dir()]
        found = (re.fullmatch(each, name) for name in names for each in FOLDERS)
        patterns = {FOLDERS[match.re.pattern].format(*match.groups()) for match in found if match}
        new = sorted(patterns - {*self.formats.landing.folders})
        return f"[landing]\nfolders = {json.dumps([*self.formats.landing.folders, *new])}\n" if new else ""

    def _one(self, path: Path, context: LandingContext, earlier: Sequence[str]) -> Inspection:
        if path.suffix.lower() in ZONES:
            return _zones(path)
        kind = _kind(path)
        try:
            if kind == "events":
                labelled = replace(context, label=label_of(path, self._names()))
                return inspect_events(path, self.formats, self.policy.time.landing, labelled, earlier)
            return self._register(path, kind)
        except UnreadableFile as fault:
            raise RejectedInput(
                f"{path.name}: {fault}.", "Send it again as Parquet or CSV.", "landing.unreadable_file"
            ) from None

    def _register(self, path: Path, kind: str) -> Inspection:
        return inspect_register(path, kind, self.policy.who.purpose, self.policy.time.landing, self.formats)

    def _names(self) -> LandingNames:
        """The mapping's folders, and those that it could have."""
        return LandingNames(folders=(*self.formats.landing.folders, *GUESSED))

    def _beside(self, root: Path) -> LandingContext:
        """The ids of a landing's cells and subscribers, read as they are, or as is proposed for them."""
        zone, seen = self.policy.time.landing, [self._plan(root, kind) for kind in ("cells", "subscribers")]
        key = next((each.key for each in seen if each and each.key), ())
        formats = _with(self.formats, [each.proposal for each in seen if each])
        cells = None
        with suppress(RejectedInput):
            cells = [str(cell) for cell in read_topology(root, zone, formats).cell_id]
        return LandingContext(cells, key, subscriber_ids(root, formats), self.formats.ids)

    def _plan(self, root: Path, kind: str) -> Inspection | None:
        plans = (root / f"{kind}{suffix}" for suffix in (".csv", ".parquet"))
        plan = next((plan for plan in plans if plan.is_file()), None)
        with suppress(UnreadableFile):
            return self._register(plan, kind) if plan else None
        return None


def _with(formats: Formats, proposals: Sequence[str]) -> Formats:
    """The formats, and before them what is proposed for the registers."""
    ours = parse(mapping_proposal.together(proposals).encode(), "the proposal")
    return formats.model_copy(
        update={kind: {**getattr(ours, kind), **getattr(formats, kind)} for kind in ("cells", "subscribers")}
    )


def _root(path: Path) -> Path:
    """The landing in which a file lies: the nearest folder above that has a cell plan or subscribers."""
    above = path.absolute().parents
    names = [f"{kind}{suffix}" for kind in ("cells", "subscribers") for suffix in (".csv", ".parquet", "")]
    return next((folder for folder in above if any((folder / name).exists() for name in names)), path.parent)


def _files(folder: Path) -> Iterator[Path]:
    """Plans and registers of a landing, and some event files, the newest folder's."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.stem.lower() not in NOT_EVENTS and not _is_ignored(path):
            yield path
    events = folder / "events" if (folder / "events").is_dir() else folder
    below = (path for path in events.rglob("*") if path.is_file() and path.parent != folder and not _is_ignored(path))
    yield from sorted((path for path in below if "truth" not in path.parts), reverse=True)[:MOST_FILES]


def _is_ignored(path: Path) -> bool:
    return ignored(path.name, LandingNames())


def _kind(path: Path) -> str:
    """By the name of the file, or of the folder of parts in which it lies; all else are events."""
    names = (path.name.lower(), path.parent.name.lower())
    return next((kind for kind in REGISTERS if any(name.startswith(kind) for name in names)), "events")


def _zones(path: Path) -> Inspection:
    """A zone plan is read whole, as ingest reads it."""
    try:
        zones = read_zones(path)
    except RejectedInput as fault:
        return Inspection("zones", why_not=f"{fault.what} {fault.action}")
    districts, sensitive = {zone.parent_id for zone in zones}, sum(zone.sensitive for zone in zones)
    notes = (f"{len(districts)} districts; {sensitive} sensitive zones, which are merged into neighbours.",)
    return Inspection("zones", "zones", readings=(Reading("zones", len(zones), len(zones)),), notes=notes)
