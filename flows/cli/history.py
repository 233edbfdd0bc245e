"""What happened, and what it cost: releases, deliveries, runs, budget."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, Record, address, command, listing
from flows.cli.parsing import parse_day, parse_month
from flows.links import run_page_urls

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tasks.store import CatalogStores
    from tasks.store.tables import DayGeneration, MonthBudget, Run

MOST_RUNS = 10_000
SHOWN_DIGITS = 12
"""Of a digest; `--json` has the whole."""


@command(app, "throng releases")
def releases() -> CommandOutput:
    """List releases: state, charge, digest."""
    from fractions import Fraction

    from tasks.store import open_catalog
    from tasks.store.ledger import ReleaseKey

    rows: list[Record] = [
        {"release": str(ReleaseKey.of(row)), "rho": float(Fraction(row.rho))}
        | _fields(row, "state", "redraws", "sha256", "reason")
        for row in open_catalog().ledger.releases()
    ]
    shown = [{**row, "sha256": (row["sha256"] or "")[:SHOWN_DIGITS]} for row in rows]
    columns = ("release", "rho", "state", "redraws", "sha256")
    lines = listing("releases", shown, columns, lambda row: [row["reason"]])
    return CommandOutput({"releases": rows}, lines or ["No release yet. Next: throng publish PRODUCT PERIOD"])


@command(app, "throng deliveries --client nordmarkt")
def deliveries(client: Annotated[str | None, typer.Option(help="Of this client only.")] = None) -> CommandOutput:
    """List deliveries: state, rows, where they are, and why each revision exists."""
    from tasks.store import open_catalog

    columns = ("client", "product", "period", "revision", "state", "rows", "withheld", "reason")
    rows = [_fields(row, *columns, "path", "message") for row in open_catalog().catalog.deliveries(client)]
    lines = listing("deliveries", rows, columns, lambda row: [row["message"]])
    return CommandOutput({"deliveries": rows}, lines or ["No delivery yet. Next: throng deliver CLIENT PRODUCT PERIOD"])


@command(app, "throng runs --failed --limit 10")
def runs(
    day: Annotated[str | None, typer.Option(help="Show this day's ingests: row account and gate.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only runs that ended with an exit code other than 0.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST_RUNS, help="How many runs, newest first.")] = 50,
) -> CommandOutput:
    """List runs; with --day, why rows of that day were not used."""
    from tasks.store import open_catalog

    stores = open_catalog()
    if day is None:
        page = run_page_urls()
        lines = [run_line(run, page, stores.policy.policy.time.local) for run in stores.catalog.runs(limit, failed)]
        none = "No run failed." if failed else "Nothing ran yet. Next: throng ingest DAY"
        return CommandOutput({"runs": lines}, _runs(lines) or [none])
    generations = [_generation(stores, row) for row in stores.catalog.generations(parse_day(day))]
    say = [line for facts in generations for line in _account(day, facts)]
    document = {"day": day, "generations": generations}
    return CommandOutput(document, say or [f"{day} was never ingested. Next: throng ingest {day}"])


@command(app, "throng budget --month 2026-03")
def budget(
    month: Annotated[str | None, typer.Option(help="Show this month's charges, as 2026-03.")] = None,
) -> CommandOutput:
    """Show the privacy ledger: charged and left."""
    from tasks.release import budgets
    from tasks.store import open_catalog

    stores = open_catalog()
    wanted = parse_month(month) if month else None
    months = [_month(stores, row) for row in budgets(stores) if wanted in (None, row.month)]
    say = listing("months", months) or ["Nothing is charged yet: the whole cap is left."]
    if wanted is None or not months:
        return CommandOutput({"months": months}, say)
    charges = [_charge(release, charge) for release, charge in stores.ledger.charges(wanted)]
    return CommandOutput({"months": months, "charges": charges}, [*say, *listing("charges", charges)])


def _fields(row: object, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def run_line(run: "Run", page: Callable[[str | None], str | None], zone: "ZoneInfo") -> Record:
    """A run in words, for a document."""
    from tasks.period import clock

    took = f"{(run.ended - run.started).total_seconds():.1f} s" if run.ended else "not ended"
    named = {"verb": run.verb, "subject": run.subject, "started": clock(run.started, zone, "seconds"), "took": took}
    costs = _fields(run, "cpu_seconds", "bytes_read", "bytes_written", "s3_requests")
    ended = {"outcome": run.outcome, "exit": run.exit_code, "message": run.message, "page": page(run.flow_run_id)}
    return named | costs | ended


def _runs(lines: Sequence[Record]) -> list[Any]:
    """What ran, newest first; below each why, and its page. What it cost is in `--json`."""

    def shown(line: Record) -> Record:
        began = line["started"][5:16] + line["started"][19:]
        return {"began": began, "run": f"{line['verb']} {line['subject']}", **line}

    def notes(line: Record) -> list[Any]:
        failed = f"exit {line['exit']}: " if line["exit"] else ""
        said = f"{failed}{line['message']}" if line["message"] else ""
        return [said, address(line["page"]) if line["page"] else ""]

    return listing("runs", [shown(line) for line in lines], ("began", "took", "outcome", "run"), notes)


def _generation(stores: "CatalogStores", row: "DayGeneration") -> Record:
    """One ingest of a day: its row account and its gate."""
    account = [_fields(line, "file", "reason", "rows") for line in stores.catalog.account(row.day, row.generation)]
    shown = ("rule", "severity", "status", "value", "limit", "message", "action")
    gate = [_fields(line, *shown) for line in stores.catalog.gate(row.day, row.generation)]
    return _fields(row, "generation", "state", "rows_in", "rows_kept") | {"account": account, "gate": gate}


def _account(day: str, facts: Record) -> list[Any]:
    """An ingest for people. A rule that passed may name a file left out."""

    def notes(rule: Record) -> list[str]:
        silent = rule["status"] == "passed" and not rule["value"]
        return [] if silent else [f"{rule['message']} {rule['action']}".strip()]

    name = f"{day} generation {facts['generation']}"
    return [
        f"{name}: {facts['state'].value}, {facts['rows_in']:,} rows read, {facts['rows_kept']:,} kept",
        *listing(f"row account of {name}", facts["account"]),
        *listing(f"gate of {name}", facts["gate"], ("rule", "severity", "status", "value", "limit"), notes),
    ]


def _month(stores: "CatalogStores", row: "MonthBudget") -> Record:
    from tasks.privacy.accounting import epsilon, rho_of

    delta = stores.policy.policy.budget.delta
    rho = {f"rho_{name}": rho_of(getattr(row, name)) for name in ("cap", "spent", "left")}
    epsilons = {f"epsilon_{name}": round(epsilon(rho[f"rho_{name}"], delta), 3) for name in ("spent", "cap")}
    return {"month": row.month, **rho, **epsilons, "delta": delta}


def _charge(release: Any, charge: Any) -> Record:
    from tasks.privacy.accounting import rho_of
    from tasks.store.ledger import ReleaseKey

    return {"release": str(ReleaseKey.of(release)), "state": release.state, "rho": rho_of(charge.units)}
