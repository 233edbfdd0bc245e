"""What happened, and what it cost: releases, deliveries, runs, budget."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, Row, address, command, listing
from flows.cli.parsing import parse_day, parse_month
from flows.costs import costs
from flows.links import run_page_urls

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tasks.store import CatalogStores
    from tasks.store.tables import DayGeneration, MonthBudget, Run

MOST_RUNS = 10_000
SHOWN_DIGITS = 12
"""Of a digest; `--json` has the whole."""
Rows = Sequence[Mapping[str, Any]]


@command(app, "throng releases")
def releases() -> CommandOutput:
    """List releases: state, charge, digest."""
    from tasks.store import open_catalog
    from tasks.store.ledger import ReleaseKey

    def line(row: Any) -> Mapping[str, Any]:
        facts = {"state": row.state.value, "redraws": row.redraws, "sha256": row.sha256, "reason": row.reason}
        return {"release": str(ReleaseKey.of(row)), "rho": _rho(row.rho), **facts}

    rows = [line(row) for row in open_catalog().ledger.releases()]
    if not rows:
        return CommandOutput({"releases": []}, ["No release yet. Next: throng publish PRODUCT PERIOD"])
    shown: list[Row] = [
        (
            [row["release"], row["rho"], row["state"], row["redraws"], (row["sha256"] or "")[:SHOWN_DIGITS]],
            [row["reason"]],
        )
        for row in rows
    ]
    return CommandOutput(
        {"releases": rows}, listing("releases", ["release", "#rho", "state", "#redraws", "sha256"], shown)
    )


@command(app, "throng deliveries --client nordmarkt")
def deliveries(client: Annotated[str | None, typer.Option(help="Of this client only.")] = None) -> CommandOutput:
    """List deliveries: state, rows, where they are."""
    from tasks.store import open_catalog

    shown = ("client", "product", "period", "revision", "state", "rows", "withheld", "path", "message")
    rows = [{name: getattr(row, name) for name in shown} for row in open_catalog().catalog.deliveries(client)]
    if not rows:
        return CommandOutput({"deliveries": []}, ["No delivery yet. Next: throng deliver CLIENT PRODUCT PERIOD"])
    columns = ["client", "product", "period", "#revision", "state", "#rows", "#withheld"]
    told = [([row[name.lstrip("#")] for name in columns], [row["message"]]) for row in rows]
    return CommandOutput({"deliveries": rows}, listing("deliveries", columns, told))


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
        return CommandOutput({"runs": lines}, _runs(lines) if lines else [none])
    generations = stores.catalog.generations(parse_day(day))
    if not generations:
        return CommandOutput({"day": day, "generations": []}, [f"{day} was never ingested. Next: throng ingest {day}"])
    told = [_generation(stores, generation) for generation in generations]
    document = {"day": day, "generations": [facts for facts, _ in told]}
    return CommandOutput(document, [part for _, parts in told for part in parts])


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
    say = _listed("months", months) or ["Nothing is charged yet: the whole cap is left."]
    if wanted is None or not months:
        return CommandOutput({"months": months}, say)
    charges = [_charge(release, charge) for release, charge in stores.ledger.charges(wanted)]
    return CommandOutput({"months": months, "charges": charges}, [*say, *_listed("charges", charges)])


def run_line(run: "Run", page: Callable[[str | None], str | None], zone: "ZoneInfo") -> Mapping[str, Any]:
    """A run in words, for a document."""
    from tasks.period import clock

    took = f"{(run.ended - run.started).total_seconds():.1f} s" if run.ended else "not ended"
    named = {"verb": run.verb, "subject": run.subject, "started": clock(run.started, zone, "seconds"), "took": took}
    ended = {"outcome": run.outcome, "exit": run.exit_code, "message": run.message, "page": page(run.flow_run_id)}
    return {**named, **costs(run), **ended}


def _runs(lines: Rows) -> list[Any]:
    """What ran, newest first; below each why, and its page. What it cost is in `--json`."""

    def row(line: Mapping[str, Any]) -> Row:
        failed = f"exit {line['exit']}: " if line["exit"] else ""
        notes = [f"{failed}{line['message']}"] if line["message"] else []
        cells = [
            line["started"][5:16] + line["started"][19:],
            line["took"],
            line["outcome"],
            f"{line['verb']} {line['subject']}",
        ]
        return cells, [*notes, *([address(line["page"])] if line["page"] else [])]

    return listing("runs", ["began", "#took", "outcome", "run"], [row(line) for line in lines])


def _generation(stores: "CatalogStores", row: "DayGeneration") -> tuple[Mapping[str, Any], list[Any]]:
    """One ingest of a day, for programs and for people."""
    name = f"{row.day} generation {row.generation}"
    lines = stores.catalog.account(row.day, row.generation)
    account = [{"file": line.file, "reason": line.reason, "rows": line.rows} for line in lines]
    shown = ("rule", "severity", "status", "value", "limit", "message", "action")
    gate = [{key: getattr(line, key) for key in shown} for line in stores.catalog.gate(row.day, row.generation)]
    facts = {"generation": row.generation, "state": row.state.value, "rows_in": row.rows_in, "rows_kept": row.rows_kept}
    say = [f"{name}: {row.state.value}, {row.rows_in:,} rows read, {row.rows_kept:,} kept"]
    return {**facts, "account": account, "gate": gate}, [
        *say,
        *_listed(f"row account of {name}", account),
        *_gate(name, gate),
    ]


def _gate(name: str, rules: Rows) -> list[Any]:
    """Each rule's value and limit; below it what it says, and what to do. One that passed may name a file left out."""
    columns = ["rule", "severity", "status", "#value", "#limit"]
    rows = [
        (
            [rule[key.lstrip("#")] for key in columns],
            [] if rule["status"] == "passed" and not rule["value"] else [f"{rule['message']} {rule['action']}".strip()],
        )
        for rule in rules
    ]
    return listing(f"gate of {name}", columns, rows) if rows else []


def _month(stores: "CatalogStores", row: "MonthBudget") -> Mapping[str, Any]:
    from tasks.privacy.accounting import epsilon, rho_of

    delta = stores.policy.policy.budget.delta
    rho = {"cap": rho_of(row.cap), "spent": rho_of(row.spent), "left": rho_of(row.left)}
    epsilons = {
        "epsilon_spent": round(epsilon(rho["spent"], delta), 3),
        "epsilon_cap": round(epsilon(rho["cap"], delta), 3),
    }
    return {"month": row.month, **{f"rho_{name}": value for name, value in rho.items()}, **epsilons, "delta": delta}


def _charge(release: Any, charge: Any) -> Mapping[str, Any]:
    from tasks.privacy.accounting import rho_of
    from tasks.store.ledger import ReleaseKey

    return {"release": str(ReleaseKey.of(release)), "state": release.state.value, "rho": rho_of(charge.units)}


def _rho(exact: str) -> float:
    from fractions import Fraction

    return float(Fraction(exact))


def _listed(name: str, rows: Rows) -> list[Any]:
    """Rows whose cells are all short."""
    if not rows:
        return []
    columns = [f"#{key}" if isinstance(value, int | float) else key for key, value in rows[0].items()]
    return listing(name, columns, [(list(row.values()), ()) for row in rows])
