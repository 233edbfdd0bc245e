"""For who begins: what a file is, and a folder to start from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command, listing

if TYPE_CHECKING:
    from tasks.events.inspection import Inspection


@command(app, "throng inspect calls.csv")
def inspect(
    path: Annotated[Path, typer.Argument(help="A file, or a landing folder.")],
) -> CommandOutput:
    """Say what a file is, what would be read of it, and propose a mapping. Nothing is kept, no value is shown."""
    from tasks.events.formats import FILE, load_formats
    from tasks.inspect import Inspect, landing_of
    from tasks.policy_file import load as load_policy
    from tasks.settings import load, mapping_of, named_home

    settings = load() if named_home() else None
    policy = load_policy(settings.policy if settings else None).policy
    ours = mapping_of(landing_of(path), settings)
    formats = load_formats(ours)
    look = Inspect(policy, formats)
    found = look(path)
    mapping = look.mapping(path, found)
    say = [part for file, each in found for part in _told(file, each)]
    if mapping:
        say += [f"Proposed for {ours or landing_of(path) / FILE}; check it:", "", mapping]
    return CommandOutput({"files": [_document(file, each) for file, each in found], "mapping": mapping}, say)


@command(app, "throng init throng-home")
def init(
    directory: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> CommandOutput:
    """Make a home to start from: policy, mapping, client's file, and a small landing that can be ingested."""
    import os
    import shlex
    from datetime import timedelta

    from tasks import starter
    from tasks.policy_file import load as load_policy
    from tasks.release import utc_now

    day = utc_now().astimezone(load_policy().policy.time.local).date() - timedelta(days=1)
    starter.write(directory, day)
    steps = [
        f"cd {shlex.quote(str(directory))}",
        *(["unset THRONG_HOME"] if os.environ.get("THRONG_HOME") else []),
        *("throng doctor", "throng inspect landing", f"throng ingest {day}", "throng client apply client.toml"),
    ]
    say = [f"{directory} is a home: commands that run in it use it.", "Next:", *(f"  {step}" for step in steps)]
    return CommandOutput(
        {"home": str(directory.absolute()), "day": str(day), "next": steps},
        [*say, "Then replace the landing's files by your own (docs/reference/landing.md), and review policy.toml."],
    )


def _document(file: Path, found: "Inspection") -> dict[str, Any]:
    columns = [{"name": look.shown, "type": look.type, "form": look.form} for look in found.columns]
    readings = [
        {"what": each.what, "read": each.read, "rows": each.rows, "unread_form": each.unread_form}
        for each in found.readings
    ]
    facts = {"file": str(file), "kind": found.kind, "format": found.format, "why_not": found.why_not}
    return {**facts, "columns": columns, "readings": readings, "proposal": found.proposal, "notes": found.notes}


def _told(file: Path, found: "Inspection") -> list[Any]:
    from rich.text import Text

    known = f"format {found.format}" if found.format else "no known format"
    known += ", read as it is: no mapping is needed" if found.needs_no_mapping else ""
    say: list[Any] = [Text(f"{file}: {found.kind}, {known}", "bold")]
    if found.why_not:
        say.append(Text(f"Why: {found.why_not}"))
    form = "commonest form (9 a digit, a a letter)"
    say += listing("", [{"column": look.shown, "type": look.type, form: look.form} for look in found.columns])
    by = f"read {'by the mapping that is proposed' if found.proposal else 'as it is'}"
    rows = [
        {by: each.what, "of those sampled": f"{each.read:,} of {each.rows:,}", "form of the others": each.unread_form}
        for each in found.readings
    ]
    ids = ["Its ids are in the register only by the rule [ids] that is proposed below."] if found.ids else []
    return [*say, *listing("", rows), *found.notes, *ids, ""]
