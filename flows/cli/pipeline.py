"""The verbs: ingest, publish, deliver, expire."""

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command
from flows.cli.parsing import check_reason, parse_day
from tasks.errors import ThrongError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flows.messages import Reference

Product = Annotated[str, typer.Argument(help="A data product, such as footfall.")]
AnyPeriod = Annotated[str, typer.Argument(help="2026-03-01 (day), 2026-W10 (ISO week) or 2026-03 (month).")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the audit table.")]


@command(app, "throng ingest 2026-03-01")
def ingest(
    day: Annotated[str, typer.Argument(help="A network-local day, as 2026-03-01.")],
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="A gate rule to go on in spite of; needs --reason; may be repeated."),
    ] = None,
    reason: Reason = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read a landing that was ingested before, for files the lake has lost.")
    ] = False,
) -> CommandOutput:
    """Bring one day from the landing folder into the lake."""
    from flows.cli import validation
    from flows.cli.runner import run

    local_day = parse_day(day)
    rules = tuple(override or ())
    reason = check_reason("--override", ", ".join(rules) or None, reason)
    validation.ingest(rules)
    return _told(run("ingest", {"day": local_day, "override": rules, "again": again}, reason))


@command(app, "throng publish footfall 2026-03-01")
def publish(
    product: Product,
    period: AnyPeriod,
    revision_of: Annotated[
        str | None, typer.Option(metavar="RELEASE", help="A release to draw again, charged; needs --reason.")
    ] = None,
    reason: Reason = None,
) -> CommandOutput:
    """Draw one release, or find the one that exists."""
    from flows.cli import validation
    from flows.cli.runner import run

    reason = check_reason("--revision-of", revision_of, reason)
    validation.publish(product, period, revision_of)
    words = {"product": product, "period": period, "revision_of": revision_of}
    told = _told(run("publish", words, reason))
    with suppress(ThrongError):  # the release is drawn, whatever its picture lacks
        return _with_figures(told)
    return told


@command(app, "throng deliver nordmarkt footfall 2026-03-01")
def deliver(
    client: Annotated[str, typer.Argument(help="A client's name; `throng client list` shows all.")],
    product: Product,
    period: AnyPeriod,
) -> CommandOutput:
    """Make one delivery, and update the client's index."""
    from flows.cli import validation
    from flows.cli.runner import run
    from flows.cli.verify_hint import verify_hint
    from tasks.store import open_released

    validation.deliver(client, product, period)
    told = _told(run("deliver", {"client": client, "product": product, "period": period}))
    with suppress(ThrongError):  # the delivery is made, whatever its hint lacks
        return CommandOutput(
            told.document, [*told.say, verify_hint(open_released(), client, told.document["location"])]
        )
    return told


@command(app, "throng expire")
def expire() -> CommandOutput:
    """Destroy keys and rows whose time is over, and rows of those who withdrew. Safe to run at any time."""
    from flows.cli import validation
    from flows.cli.runner import run

    validation.daily()
    return _told(run("expire", {}))


def _with_figures(told: CommandOutput) -> CommandOutput:
    """With how much of the release is shown, and a small picture of it."""
    from rich.text import Text

    from flows.messages import people_notes
    from flows.release_preview import preview, shares
    from tasks.estimation import lacking
    from tasks.store import open_releases
    from tasks.store.ledger import ReleaseKey
    from tasks.withheld import REMEDY, thin_levels, withheld

    key = ReleaseKey(*(told.document[name] for name in ("product", "version", "period", "revision")))
    stores = open_releases()
    stored = stores.lake.release(key, told.document["sha256"])
    counts = {"rows": len(stored.table), "withheld": withheld(stored.table)}
    lines = [*shares(stored.table, stored.rules), *preview(stored.table, stored.table["level"][0].as_py())]
    said: list[RenderableType] = [Text(f"  {line}", no_wrap=True) for line in lines]
    if thin := thin_levels(key.product, stored.table):
        said.append(f"  Warning: most of {', '.join(thin)} is withheld. {REMEDY}")
    missing = lacking(stores, row) if (row := stores.ledger.find(**vars(key))) else ()
    said += people_notes(missing)
    place = len(told.say) - sum(str(part).startswith("Next: ") for part in told.say)
    return CommandOutput(
        {**told.document, **counts, "people_lack": [name for name, _ in missing]},
        [*told.say[:place], *said, *told.say[place:]],
        told.exit_code,
    )


def _told(reference: "Reference") -> CommandOutput:
    """A verb's outcome in a sentence, its facts, and the command that comes next."""
    from flows.messages import OUTCOME_TEXT, facts, next_command

    say = [f"{reference.outcome}: {OUTCOME_TEXT[reference.outcome]}", *(f"  {line}" for line in facts(reference))]
    command = next_command(reference)
    return CommandOutput(asdict(reference), [*say, f"Next: {command}"] if command else say)
