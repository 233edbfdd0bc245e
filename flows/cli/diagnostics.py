"""Before anything runs, and after a delivery arrived: doctor, migrate, verify."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command

OF_THE_LANDING = {"zones and cells", "registers", "events"}
"""What doctor looks at that is about the content of the landing."""


@command(app, "throng doctor")
def doctor() -> CommandOutput:
    """Check settings and stores; each fault says what to do."""
    from flows.cli.doctor import examine

    findings = list(examine())
    faults = {finding.subject: finding.fault for finding in findings if finding.fault}
    closing = f"{len(faults)} fault(s)." if faults else "All is well. Next: throng ingest DAY"
    if faults.keys() & OF_THE_LANDING:
        closing += " `throng inspect` on the landing shows what is read of each file, and proposes a mapping."
    return CommandOutput(
        {"findings": [finding.document() for finding in findings], "faults": len(faults)},
        [*(finding.sentence() for finding in findings), closing],
        max((fault.exit_code for fault in faults.values()), default=0),
    )


@command(app, "throng migrate")
def migrate() -> CommandOutput:
    """Bring the database to this version of Throng."""
    from tasks.settings import load
    from tasks.store import check_not_lost
    from tasks.store.database import Database
    from tasks.store.migrations import migrate as upgrade

    settings = load()
    check_not_lost(settings)
    before, after = upgrade(Database(settings.database))
    said = "Nothing to do: the database has version" if before == after else f"From version {before or 'none'} to"
    return CommandOutput({"before": before, "after": after}, [f"{said} {after}."])


@command(app, "throng verify .throng/demo/clients/nordmarkt")
def verify(
    location: Annotated[str, typer.Argument(help="A folder or s3:// address: one delivery, or all below an index.")],
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The operator's public key, received another way.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Remembers what was verified; later, less than that is refused.")
    ] = None,
    sequence: Annotated[int, typer.Option(metavar="N", help="The least sequence that the index may have.")] = 0,
    client: Annotated[
        str | None, typer.Option(metavar="NAME", help="Your name; refuses what is another client's.")
    ] = None,
) -> CommandOutput:
    """Verify a delivery as its receiver, without any of Throng's stores."""
    from tasks.verify import Verify

    verified = Verify()(location, public_key, state, sequence, client)
    facts = [{"path": one.path, "manifest_sha256": one.manifest_sha256} for one in verified.deliveries]
    issue = {name: verified.index[name] for name in ("sequence", "issued_at")} if verified.index else {}
    document = {"location": location, "verdict": verified.verdict, "pinned": verified.pinned, "deliveries": facts}
    return CommandOutput({**document, **issue, "states": dict(verified.states)}, verified.lines)
