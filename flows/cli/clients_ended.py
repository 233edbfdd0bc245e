"""The end of deliveries to a client: until it is enabled again, or for good."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import client as clients
from flows.cli.output import CommandOutput, command
from flows.cli.parsing import check_reason

if TYPE_CHECKING:
    from tasks.client_state import Count, Remains
    from tasks.errors import ThrongError

Name = Annotated[str, typer.Argument(metavar="NAME", help="A client's name.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the audit table.")]


@command(clients, 'throng client disable nordmarkt --reason "contract paused"')
def disable(client: Name, reason: Reason) -> CommandOutput:
    """End deliveries until the client's file is applied with --enable.

    Nothing is late meanwhile; the client's index says so once.
    """
    from tasks.client_state import disable as end
    from tasks.release import utc_now
    from tasks.store import open_released

    check_reason("NAME", client, reason)
    ended = end(open_released(), client, reason, utc_now())
    state = "disabled" if ended.changed else "nothing to do, disabled before"
    fault = ended.index_fault
    index = ["Its final index is written."] if fault is None else _index_missing(fault)
    document = {"client": client, "state": "disabled", "changed": ended.changed, "fault": _document(fault)}
    return CommandOutput(document, [f"{client}: {state}.", *index], fault.exit_code if fault else 0)


@command(clients, 'throng client offboard nordmarkt --reason "contract ended"')
def offboard(client: Name, reason: Reason) -> CommandOutput:
    """End deliveries for good, and report what remains where.

    Ledger, audit table and stored deliveries are kept; profile and role are removed.
    """
    from tasks.client_state import offboard as end
    from tasks.release import utc_now
    from tasks.store import open_released

    check_reason("NAME", client, reason)
    left = end(open_released(), client, reason, utc_now())
    state = "offboarded" if left.changed else "nothing to do, offboarded before"
    return CommandOutput(_remains(client, left), [f"{client}: {state}.", *_lines(left)])


def _index_missing(fault: "ThrongError") -> list[str]:
    return [f"Its final index is not written: {fault.what}", f"What to do: {fault.action}"]


def _document(fault: "ThrongError | None") -> Mapping[str, Any] | None:
    return fault.document() if fault else None


def _remains(client: str, left: "Remains") -> dict[str, Any]:
    return {
        "client": client,
        "state": "offboarded",
        "changed": left.changed,
        "bucket": vars(left.bucket) if left.bucket else None,
        "lake": vars(left.lake),
        "deliveries": left.deliveries,
        "audit_rows": left.audit_rows,
        "removed_settings": left.removed,
        "fault": _document(left.fault),
    }


def _lines(left: "Remains") -> Iterator[str]:
    """What remains, and who may remove it."""
    if left.fault:
        yield f"The bucket was not reached: {left.fault.what}"
    if left.bucket:
        yield f"In the client's bucket: {_counted(left.bucket)}, its own to keep or remove."
    yield f"In the lake: {_counted(left.lake)} of {left.deliveries} deliveries."
    yield f"In the audit table: {left.audit_rows} rows. The ledger keeps every charge."
    if left.removed:
        yield f"Removed from the catalog: {', '.join(left.removed)}. Remove the keys behind them from this machine."


def _counted(count: "Count") -> str:
    return f"{count.objects:,} objects, {count.bytes:,} bytes"
