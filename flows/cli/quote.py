"""`throng quote`: what a release would cost, and how exact it would be."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flows.cli.app import app
from flows.cli.output import CommandOutput, command, listing
from flows.cli.pipeline import AnyPeriod, Product

if TYPE_CHECKING:
    from tasks.quote import Quote

PEOPLE = (
    "The panel's number counts opted-in subscribers. Errors of silent phones and of borders come on top "
    "(docs/explanation/accuracy.md). People have larger errors (docs/explanation/accuracy-people.md)."
)


@command(app, "throng quote footfall 2026-03-01")
def quote(product: Product, period: AnyPeriod) -> CommandOutput:
    """Quote a release before it is charged: its cost, what is left, and the error of its numbers."""
    from tasks.period import Period
    from tasks.quote import quote as quoted
    from tasks.release import utc_now
    from tasks.store import open_catalog

    found = quoted(open_catalog(), product, Period.parse(period), utc_now())
    return CommandOutput(asdict(found), _lines(found))


def _lines(found: "Quote") -> list[Any]:
    drawn = f" {found.release} is drawn; this is the cost of a revision." if found.release else ""
    free = f"Computed from noisy numbers, without charge: {', '.join(found.computed)}." if found.computed else ""
    title = f"rho of {found.product} {found.period}: by month"
    return [
        *([] if found.months else [f"{found.product} {found.period} charges nothing: it is derived from releases."]),
        *listing(title, [_month(asdict(month)) for month in found.months]),
        *filter(None, [drawn.strip()]),
        *listing(
            "error of noise alone, on the panel's number: by level and true number",
            [_error(asdict(error)) for error in found.errors],
        ),
        *([PEOPLE] if found.errors else []),
        *filter(None, [free]),
    ]


def _month(month: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name == "month" else f"{value:.4f}" for name, value in month.items()}


def _error(error: dict[str, Any]) -> dict[str, Any]:
    return {
        "level": error["level"],
        "true number": f"{error['true_number']:,}",
        "median error of noise": f"{100 * error['median_error']:.1f} %",
        "90 % interval": f"± {error['interval_half']:.0f}",
        "withheld": f"{100 * error['withheld']:.0f} %",
    }
