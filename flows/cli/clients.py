"""Clients as code: apply their files, list them, check their buckets."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import client
from flows.cli.output import CommandOutput, Record, command, listing

if TYPE_CHECKING:
    from tasks.store.client_diff import Change
    from tasks.store.client_file import ClientSpec
    from tasks.store.tables import Client


@command(client, "throng client apply nordmarkt.toml")
def apply(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="TOML files, one client each.")],
    enable: Annotated[bool, typer.Option("--enable", help="Deliver to disabled clients again.")] = False,
) -> CommandOutput:
    """Keep what clients' files say: all of them, or none."""
    from tasks.store import open_catalog
    from tasks.store.client_diff import changes
    from tasks.store.client_file import check_apart, check_once
    from tasks.store.client_repository import check_may_apply
    from tasks.store.client_spec import ClientSpec

    stores = open_catalog()
    specs = [_read(file, stores.policy.policy.budget.leave_out) for file in files]
    check_once(specs)
    rows = {row.name: row for row in stores.catalog.clients()}
    for spec in specs:
        check_may_apply(rows.get(spec.name), enable)
    kept = {name: ClientSpec.stored(row.spec) for name, row in rows.items()}
    check_apart((kept | {spec.name: spec for spec in specs}).values())
    changed = {spec.name: _keep(stores, spec, rows.get(spec.name), enable) for spec in specs}
    found = {spec.name: changes(kept.get(spec.name), spec) if changed[spec.name] else [] for spec in specs}
    say = [line for name, new in changed.items() for line in _applied(name, new, found[name])]
    document = [
        {"client": name, "changed": new, "changes": [vars(change) for change in found[name]]}
        for name, new in changed.items()
    ]
    return CommandOutput({"clients": document}, say)


def _applied(name: str, new: bool, found: Sequence["Change"]) -> list[Any]:
    from rich.padding import Padding

    if not new:
        return [f"{name}: nothing to do, applied before; its file is unchanged."]
    return [f"{name}: applied.", *(Padding(str(change), (0, 0, 0, 2), expand=False) for change in found)]


@command(client, "throng client check nordmarkt")
def check(client: Annotated[str, typer.Argument(metavar="NAME", help="A client's name.")]) -> CommandOutput:
    """Try a delivery's every right on the client's bucket.

    Writes the index as a delivery would; nothing else is left there.
    """
    from flows.cli.finding import Finding
    from tasks.client_check import check_client
    from tasks.release import utc_now
    from tasks.store import open_released

    steps = check_client(open_released(), client, utc_now())
    fault = next((step.fault for step in steps if step.fault), None)
    say = [Finding(step.name, step.found, step.fault).sentence() for step in steps if step.tried]
    missed = ", ".join(step.name for step in steps if not step.tried)
    closing = f"Not tried after that: {missed}." if missed else "A delivery can be written. Next: throng daily"
    ended = "Correct that first, then check again." if fault and not missed else closing
    document = {"client": client, "ok": fault is None, "steps": [step.document() for step in steps]}
    return CommandOutput(document, [*say, ended], fault.exit_code if fault else 0)


@command(client, "throng client list", name="list")
def listed() -> CommandOutput:
    """List clients: state, destination and grants."""
    from tasks.store import open_catalog

    kept = [{**row.spec, **_notice(row), "state": row.state} for row in open_catalog().catalog.clients()]
    lines = listing(
        "clients", [_shown(spec) for spec in kept], ("client", "state", "bucket"), lambda row: row["grants"]
    )
    return CommandOutput({"clients": kept}, lines or ["No client yet. Next: throng client apply FILE.toml"])


def _notice(row: "Client") -> dict[str, str]:
    """Where a client gets notices, without what may be a secret."""
    from tasks.store.client_spec import ClientSpec

    spec = ClientSpec.stored(row.spec)
    return {"notice": spec.notice.shown} if spec.notice else {}


def _read(file: Path, left_out: Collection[str]) -> "ClientSpec":
    from tasks.deliverable.renderers.registry import grant_formats
    from tasks.errors import Misconfigured
    from tasks.products.registry import for_clients
    from tasks.store.client_file import MOST_CHARACTERS, parse_client

    try:
        with file.open(encoding="utf-8-sig") as opened:
            return parse_client(
                opened.read(MOST_CHARACTERS + 1), str(file), for_clients(left_out), grant_formats(), left_out
            )
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{file} cannot be read ({type(error).__name__}).", "Name a readable TOML file.", "client.unreadable"
        ) from None


def _keep(stores: Any, spec: "ClientSpec", row: "Client | None", enable: bool) -> bool:
    """Of an enabled client nothing is late yet: its grants begin anew."""
    from tasks.release import utc_now
    from tasks.store.audit import AuditEntry
    from tasks.store.client_spec import ClientSpec
    from tasks.store.tables import ClientState

    content = spec.model_dump_json(by_alias=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    kept = ClientSpec.stored(row.spec) if row and row.state is ClientState.ACTIVE else None
    document, entry = spec.document(kept, utc_now()), AuditEntry.by_user("client applied", spec.name)
    return bool(stores.catalog.apply_client(spec.name, document, digest, entry, enable))


def _shown(spec: Any) -> Record:
    grants = [f"{g['product']} of {', '.join(g['zones'])} from {g['from']}" for g in spec["grants"]]
    where = f"s3://{spec['destination']['bucket']}/{spec['destination']['prefix']}"
    return {"client": spec["client"]["name"], "state": spec["state"], "bucket": where, "grants": grants}
