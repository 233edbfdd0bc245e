"""`throng simulate`: a landing folder of a city whose truth is known."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command
from flows.cli.parsing import parse_day

_Bias = Annotated[float | None, typer.Option(help="0 to 1: how strongly consent depends on age, gender and home.")]
_Closed = Annotated[bool, typer.Option("--closed", help="Nobody comes from outside the city or stays there.")]
_Radio = Annotated[Literal["usual", "wide"], typer.Option(metavar="usual|wide", help="How far cells are heard.")]
_Census = Annotated[bool, typer.Option("--census", help="Simulate and count residents with other operators, too.")]


@command(app, "throng simulate landing --subscribers 30000 --days 1 --start 2026-03-01 --seed 1")
def simulate(
    directory: Annotated[Path, typer.Argument(help="Folder to write the landing and its truth/ into.")],
    subscribers: Annotated[int, typer.Option(help="How many persons live or work in the city.")],
    days: Annotated[int, typer.Option(help="How many local days.")],
    start: Annotated[str, typer.Option(help="The first local day, as 2026-03-01.")],
    seed: Annotated[int, typer.Option(help="The same seed makes the same city and the same events.")],
    zones: Annotated[int | None, typer.Option(help="How many zones the city has.")] = None,
    rate: Annotated[float | None, typer.Option(help="Median events of a person and day.")] = None,
    opt_in: Annotated[float | None, typer.Option(help="Share of persons who consented.")] = None,
    opt_in_bias: _Bias = None,
    dirty: Annotated[float | None, typer.Option(help="Share of events that are spoilt, one way or another.")] = None,
    closed: _Closed = False,
    radio: _Radio = "usual",
    census: _Census = False,
    format: Annotated[
        Literal["native", "eurostat", "flowkit"],
        typer.Option(metavar="native|eurostat|flowkit", help="The form of the events."),
    ] = "native",
) -> CommandOutput:
    """Simulate a city with known truth: a landing folder, and in truth/ where everybody really was."""
    from flows.cli.progress import show_progress
    from tasks.settings import named_home
    from tasks.simulate import SimulationPlan
    from tasks.simulate import simulate as write_city

    home = "" if named_home() else "THRONG_HOME=.throng "
    shares = {"zones": zones, "rate": rate, "opt_in": opt_in, "opt_in_bias": opt_in_bias, "dirty": dirty}
    given = {name: value for name, value in shares.items() if value is not None}
    world = {"format": format, "closed": closed, "radio": radio, "census": census}
    plan = SimulationPlan(subscribers, days, parse_day(start), seed, **world, **given)  # type: ignore[arg-type]
    with show_progress(f"simulate {subscribers:,} subscribers") as screen:
        summary = write_city(directory, plan, partial(screen.watch, "files"))
    return CommandOutput(
        {"directory": directory, **asdict(summary)},
        [
            f"{directory} holds {days} day(s) of {subscribers:,} subscribers; truth is in {directory / 'truth'}.",
            f"Next: {home}THRONG_LANDING={directory} throng ingest {start}",
        ],
    )
