"""`throng status`: what is late, stale, waiting or blocked, and what to do; as text, as JSON, as a page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command, listing

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tasks.status import Status

MOST_DAYS = 3650
SHOWN = 10
"""Lines of a list; the page and `--json` show all."""


@command(app, "throng status --html")
def status(
    file: Annotated[Path | None, typer.Argument(help="The page's file; status.html in THRONG_HOME.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Write everything as one static page.")] = False,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="Days that are shown; lateness is of all.")] = 35,
) -> CommandOutput:
    """Say whether all is well, or what is late and what to do."""
    from tasks import status as tasks_status
    from tasks.release import utc_now
    from tasks.store import open_planning

    stores = open_planning()
    found = tasks_status.status(stores, utc_now(), days)
    document, say = _document(found), [_headline(found)]
    if not html and file is None:
        return CommandOutput(document, [*say, *_told(found)])
    from flows.links import run_page_urls
    from flows.status_page import NAME, write  # jinja2

    path = (file or stores.settings.home / NAME).absolute()
    write(path, found, run_page_urls())
    return CommandOutput({**document, "page": str(path)}, [*say, f"Written: {path}"])


def _document(found: "Status") -> dict[str, Any]:
    from flows.cli.history import run_line
    from flows.links import run_page_urls
    from flows.status_text import headline

    where, zone = run_page_urls(), ZoneInfo(found.timezone)
    runs = [run_line(run, where, zone) for run in found.runs[:SHOWN]]
    return {"headline": headline(found), **found.document(), "runs": runs}


def _headline(found: "Status") -> "RenderableType":
    from rich.text import Text

    from flows.status_text import headline

    colour = {"act": "bold red", "look": "bold yellow", "well": "bold green"}.get(found.verdict, "bold")
    return Text(headline(found), colour)


def _told(found: "Status") -> list[Any]:
    """Actions, delivery health, budget and cost of runs; short if all is well."""
    from flows.status_text import budget, next_step

    todo = _todo(found) if found.action_items else [_sentence(next_step(found))]
    months = [f"Budget of {month.month}: {budget(month)}." for month in found.months if found.delivery_health]
    return [*todo, *_clients(found), *_open(found), *months, *_costs(found)]


def _todo(found: "Status") -> list[Any]:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from flows.status_text import blocked_deliveries, title

    lines = Table.grid(padding=(0, 1))
    for number, todo in enumerate(found.action_items[:SHOWN], 1):
        what = Text(
            f"{title(todo)}: {todo.what}{blocked_deliveries(todo)}"
        )  # may quote names from outside: no command in it
        lines.add_row(f"{number}.", Group(what, _sentence(todo.action)))
    more = len(found.action_items) - SHOWN
    return ["", "What to do", lines, *([f"... and {more} more: --json, or --html"] if more > 0 else [])]


def _sentence(text: str) -> "RenderableType":
    """A sentence whose commands stand out."""
    from rich.text import Text

    from flows.status_text import parts

    return Text.assemble(*((part, "bold" if is_command else "") for is_command, part in parts(text)))


def _clients(found: "Status") -> list[Any]:
    from flows.status_text import awaited, freshness, lateness, punctuality

    rows = [
        {
            "client": line.client,
            "product": line.product,
            "newest data (age)": f"{line.newest} ({freshness(line, found)})" if line.newest else "none yet",
            "withheld": "-" if line.withheld is None else f"{line.withheld:.0%}",
            "late": lateness(line, found),
            "in time": punctuality(line),
            "next": awaited(line, found),
        }
        for line in found.delivery_health
    ]
    columns = ("client", "product", "newest data (age)", "withheld", "late", "in time")
    return ["", *listing("", rows, columns, lambda row: [f"next: {row['next']}"]), ""] if rows else []


def _open(found: "Status") -> list[Any]:
    """Periods of the days in view that are not done, besides those that a thing to do explains."""
    from flows.cli.schedule import plan_lines
    from flows.plan_view import not_done

    lines = plan_lines("also not done", [cell for cell in not_done(found.plan) if not found.explains(cell)], SHOWN)
    return [*lines, ""] if lines else []


def _costs(found: "Status") -> list[Any]:
    from rich.filesize import decimal

    rows = [
        {
            "a run of": cost.verb,
            "takes": f"{cost.seconds:.1f} s",
            "CPU-s": f"{cost.cpu_seconds:.1f}",
            "read": decimal(round(cost.bytes_read)),
            "written": decimal(round(cost.bytes_written)),
            "S3 requests": round(cost.s3_requests),
        }
        for cost in found.costs
    ]
    return ["", *listing("", rows)] if rows else []
