"""inspect(path): the format of a landing file, and what is read of it. Keeps nothing and shows no value."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.errors import Misconfigured, RejectedInput
from tasks.events import mapping_proposal
from tasks.events.folders import ignored, label_of
from tasks.events.formats import Formats, Mapping, parse
from tasks.events.formats.detect import UnreadableFile
from tasks.events.formats.sections import LandingNames, Section
from tasks.events.inspect_events import inspect_events
from tasks.events.inspect_registers import inspect_register
from tasks.events.inspection import Inspection
from tasks.events.plan_rules import PlanChecks
from tasks.events.sample import LandingContext, subscriber_ids
from tasks.mobility.cell_files import read_file
from tasks.mobility.inspect_plans import inspect_plan
from tasks.mobility.topology import checked_topology, read_topology
from tasks.policy import Policy

MAPPED = ("subscribers", "consents", "cells")
"""Reference files of which a mapping can name the columns."""
FIXED = ("population", "footprints")
"""Files of which no mapping can name the columns; so are zones."""
ZONES = (".geojson", ".json")
NOT_EVENTS = ("formats", "truth")
MOST_FILES = 5
"""Event files of a folder that are looked at."""

GUESSED = ("%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "dt=%Y%m%d", *(f"{name}=%Y-%m-%d" for name in ("dt", "day", "ds")))
"""Patterns of a day's folder that are proposed."""


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
            root = landing_of(file)
            if _kind(file) == "events" and root not in context:
                context[root] = self._beside(root)
            earlier = [each.proposal for _, each in found if each.kind == "events" and each.proposal]
            found.append((file, self._one(file, context.get(root, LandingContext()), list(dict.fromkeys(earlier)))))
        return found

    def mapping(self, path: Path, found: Sequence[tuple[Path, Inspection]]) -> str:
        """One mapping of all that is proposed: with folders that are called in another known way, and rules of ids."""
        days, present = [each for each in (path / "events").glob("*") if each.is_dir()], self.formats.landing.folders
        named = [each for each in GUESSED if any(label_of(day / "any", LandingNames(folders=(each,))) for day in days)]
        new = sorted({*named} - {*present})
        tables: list[dict[str, Section]] = [{"landing": LandingNames(folders=(*present, *new))}] if new else []
        tables += [{"ids": each.ids} for _, each in found if each.ids]
        written = [mapping_proposal.written(Mapping.model_validate(table)) for table in tables]
        return mapping_proposal.together([*written, *(each.proposal for _, each in found)])

    def _one(self, path: Path, context: LandingContext, earlier: Sequence[str]) -> Inspection:
        kind = _kind(path)
        try:
            if kind in ("zones", *FIXED):
                return inspect_plan(path, kind, self.policy.time.landing)
            if kind == "events":
                guessed = LandingNames(folders=(*self.formats.landing.folders, *GUESSED))
                labelled = replace(context, label=label_of(path, guessed))
                return inspect_events(path, self.formats, self.policy.time.landing, labelled, earlier)
            found = self._register(path, kind)
            return replace(found, notes=(*found.notes, *self._broken_rules(path))) if kind == "cells" else found
        except UnreadableFile as fault:
            raise RejectedInput(
                f"{path.name}: {fault}.", "Send it again as Parquet or CSV.", "landing.unreadable_file"
            ) from None

    def _register(self, path: Path, kind: str) -> Inspection:
        return inspect_register(path, kind, self.policy.who.purpose, self.policy.time.landing, self.formats)

    def _broken_rules(self, path: Path) -> list[str]:
        """The rules that cells break, if they are read as they are."""
        checks = PlanChecks()
        with suppress(RejectedInput):
            checked_topology([read_file(path, self.formats)], self.policy.time.landing, checks)
        return [measure.message for measure in checks.measures if measure.fails]

    def _beside(self, root: Path) -> LandingContext:
        """The ids of a landing's cells and subscribers, read as they are, or as is proposed for them."""
        zone, seen = self.policy.time.landing, [self._plan(root, kind) for kind in ("cells", "subscribers")]
        key = next((each.key for each in seen if each and each.key), ())
        ours = parse(mapping_proposal.together([each.proposal for each in seen if each]).encode(), "the proposal")
        both = {kind: {**getattr(ours, kind), **getattr(self.formats, kind)} for kind in ("cells", "subscribers")}
        formats = self.formats.model_copy(update=both)
        cells = None
        with suppress(RejectedInput):
            cells = [str(cell) for cell in read_topology(root, zone, formats).cell_id]
        return LandingContext(cells, key, subscriber_ids(root, formats), self.formats.ids)

    def _plan(self, root: Path, kind: str) -> Inspection | None:
        plans = (root / f"{kind}{suffix}" for suffix in (".csv", ".parquet"))
        plan = next((plan for plan in (*plans, *_first_part(root / kind)) if plan.is_file()), None)
        with suppress(UnreadableFile):
            return self._register(plan, kind) if plan else None
        return None


def landing_of(path: Path) -> Path:
    """A folder itself; of a file, the nearest folder above that has a cell plan or subscribers."""
    if path.is_dir():
        return path
    above = path.absolute().parents
    names = [f"{kind}{suffix}" for kind in ("cells", "subscribers") for suffix in (".csv", ".parquet", "")]
    return next((folder for folder in above if any((folder / name).exists() for name in names)), path.parent)


def _files(folder: Path) -> Iterator[Path]:
    """Plans and registers of a landing, and some event files, the newest folder's."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.stem.lower() not in NOT_EVENTS and not _is_ignored(path):
            yield path
    for kind in MAPPED:
        yield from _first_part(folder / kind)
    events = folder / "events" if (folder / "events").is_dir() else folder
    below = (path for path in events.rglob("*") if path.is_file() and path.parent != folder and not _is_ignored(path))
    below = (path for path in below if path.parent.name not in MAPPED)
    yield from sorted((path for path in below if "truth" not in path.parts), reverse=True)[:MOST_FILES]


def _first_part(folder: Path) -> list[Path]:
    """A file of a folder of parts, which all have one layout."""
    return [part for part in sorted(folder.rglob("*")) if part.is_file() and not _is_ignored(part)][:1]


def _is_ignored(path: Path) -> bool:
    return ignored(path.name, LandingNames())


def _kind(path: Path) -> str:
    """By the name of the file, or of the folder of parts in which it lies; all else are events."""
    if path.suffix.lower() in ZONES:
        return "zones"
    names = (path.name.lower(), path.parent.name.lower())
    return next((kind for kind in (*MAPPED, *FIXED) if any(name.startswith(kind) for name in names)), "events")
