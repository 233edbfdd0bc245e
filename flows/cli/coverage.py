"""`throng coverage`: where cells serve the zones, and where persons of each zone are counted."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command, listing

if TYPE_CHECKING:
    from tasks.mobility.coverage_report import CoverageReport, ZoneCoverage

LESS_EXACT = "People and visits there are less exact; numbers of districts are better."
ELSEWHERE = "Their persons are counted in other zones, and their rows are `no_coverage`."


@command(app, "throng coverage --svg coverage.svg")
def coverage(
    landing: Annotated[Path | None, typer.Argument(help="A landing folder; without it, THRONG_LANDING.")] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a map of the best server of each place.")
    ] = None,
) -> CommandOutput:
    """Show how cells cover the zones on the newest day, and which zones are confused. It reads the plans only."""
    from tasks.coverage import draw, look
    from tasks.events.formats import load_formats
    from tasks.policy_file import load as load_policy
    from tasks.settings import load, mapping_of, named_home

    settings = None if landing and not named_home() else load()
    policy = load_policy(settings.policy if settings else None).policy
    root = landing or load().landing_root
    formats = load_formats(mapping_of(root, settings))
    found, report = look(root, formats, policy)
    if svg:
        draw(found, svg)
    said = [*_lines(report), *([f"The map is in {svg}."] if svg else [])]
    return CommandOutput({**asdict(report), "svg": str(svg) if svg else None}, said)


def _lines(report: "CoverageReport") -> list[Any]:
    from tasks.mobility.coverage_report import CLEAR
    from tasks.mobility.plans import unstated_sentence

    unclear = (
        f"{len(report.unclear)} of {len(report.zones)} zones count less than {CLEAR:.0%} of their persons. {LESS_EXACT}"
    )
    return [
        *listing(f"by zone; persons are spread over zones by {report.weighted_by}", [_row(z) for z in report.zones]),
        *([f"No cell covers: {', '.join(report.uncovered)}."] if report.uncovered else []),
        *([f"No cell of their own: {', '.join(report.without_cell)}. {ELSEWHERE}"] if report.without_cell else []),
        *(f"{a} and {b} cannot be distinguished (cosine {cosine:.3f})." for a, b, cosine in report.alike),
        *([unclear] if report.unclear else []),
        *([f"{unstated_sentence(report.unstated)}."] if report.unstated else []),
    ]


def _share(zone: "ZoneCoverage") -> str:
    if not zone.residents:
        return "no residents"
    return "" if zone.truly_here is None else f"{zone.truly_here:.1%}"


def _row(zone: "ZoneCoverage") -> dict[str, Any]:
    return {
        "zone": zone.zone_id,
        "name": zone.name,
        "area covered": f"{zone.covered:.1%}",
        "cells": zone.cells,
        "its persons counted here": f"{zone.counted_here:.1%}",
        "counted persons truly here": _share(zone),
        "its persons also counted in": ", ".join(f"{other} {share:.1%}" for other, share in zone.counted_in),
    }
