"""Signing keys: list them, replace the one that signs."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import keys
from flows.cli.output import CommandOutput, command, listing
from flows.cli.parsing import check_reason
from tasks.errors import SOME_FAILED, Misconfigured, ThrongError

if TYPE_CHECKING:
    from tasks.rotate import Rotated
    from tasks.store.signing_keys import Statement


@command(keys, "throng keys rotate")
def rotate(
    revoke: Annotated[
        bool, typer.Option("--revoke", help="The former keys vouch for nothing any more: one may have leaked.")
    ] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept in the audit table.")] = None,
) -> CommandOutput:
    """Sign with a new key from now on, and tell every active client's bucket.

    The old private key is destroyed. A killed rotation is completed by the same command.
    """
    from flows.cli.verify_hint import export_public_key
    from tasks.rotate import Rotate
    from tasks.store import open_released

    check_reason("--revoke", "" if revoke else None, reason)
    stores = open_released()
    done = Rotate(stores)(reason if revoke else None)
    file = None
    with suppress(ThrongError):  # a full disk: `throng doctor` prints the key
        file = str(export_public_key(stores))
    faults = {name: fault.document() for name, fault in done.clients.items() if fault}
    document = {
        "key": _state(done.current),
        "former": _state(done.former),
        "completed": done.completed,
        "public_key_file": file,
        "written": [name for name in done.clients if name not in faults],
        "failed": faults,
    }
    return CommandOutput(document, _said(done, revoke, file), SOME_FAILED if faults else 0)


@command(keys, "throng keys list", name="list")
def listed() -> CommandOutput:
    """List signing keys: since when each one signs, and until when."""
    from tasks.key_ring import key_ring
    from tasks.release import utc_now
    from tasks.store import open_released

    statements = key_ring(open_released().signing_keys, utc_now()).statements
    rows = [_state(statement) for statement in statements]
    columns = ("key_id", "state", "valid_from", "valid_until")
    return CommandOutput({"keys": rows}, listing("signing keys", rows, columns))


@command(keys, "throng keys export client-key.pem")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, throng-public.pem in the home.")] = None,
) -> CommandOutput:
    """Write the public key that clients give to `throng verify --public-key`; the first call makes the key."""
    from flows.cli.verify_hint import export_public_key
    from tasks.key_ring import key_ring
    from tasks.release import utc_now
    from tasks.store import open_released
    from tasks.store.atomic_files import replace_file, translate_errors

    if file:
        _check_replaceable(file)
    stores = open_released()
    written = export_public_key(stores)
    if file:
        with translate_errors(file):
            replace_file(file, written.read_bytes(), 0o644)
    ring = key_ring(stores.signing_keys, utc_now())
    key, path = ring.statements[-1]["key_id"], str((file or written).absolute())
    say = [f"{path}: key {key}. Send it to clients by another way than their bucket."]
    return CommandOutput({"key_id": key, "public_key_file": path}, say)


def _check_replaceable(file: Path) -> None:
    """Raise Misconfigured if something other than one public key in PEM is there."""
    from tasks.store.atomic_files import translate_errors

    with translate_errors(file):
        if not file.exists():
            return
        content = file.read_bytes() if file.is_file() else b""
    if not content.startswith(b"-----BEGIN PUBLIC KEY-----") or content.count(b"-----BEGIN ") > 1:
        raise Misconfigured(
            f"{file} exists and is not a public key in PEM.",
            "Name another file, or remove this one.",
            "usage.not_a_public_key",
        )


def _state(statement: "Statement") -> dict[str, Any]:
    """What is public about a key, and what it is good for."""
    former = "revoked" if statement.get("revoked") else "former"
    named = {name: statement[name] for name in ("key_id", "public_key", "valid_from", "valid_until")}
    return {**named, "state": former if statement["valid_until"] else "signs"}


def _said(done: "Rotated", revoked: bool, file: str | None) -> list[str]:
    former, current = done.former["key_id"], done.current["key_id"]
    faults = [(name, fault) for name, fault in done.clients.items() if fault]
    pinned = "Clients that pinned an older key need nothing."
    if revoked:
        way = f"Send {file or 'the key that `throng doctor` prints'} to every client, by another way than the bucket."
        pinned = f"{way} Until they pin it, verification refuses."
    stopped = f"This completed the rotation of {done.current['valid_from']}. For another key, run the command again."
    return [
        *([stopped] if done.completed else []),
        f"Key {current} signs from now on; the private key of {former} is destroyed.",
        f"keys.json and index written for {len(done.clients) - len(faults)} of {len(done.clients)} active clients.",
        *(f"{name}: not written. {fault.what} The next `throng daily` tries again." for name, fault in faults),
        pinned,
    ]
