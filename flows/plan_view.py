"""A plan and what became of it, in words and as a grid: periods down, products and clients across."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flows.links import FLOW_RUN

if TYPE_CHECKING:
    from tasks.plan import Plan
    from tasks.plan.states import Target

SIGNS = {
    "missing": "○ missing",
    "failed": "✗ failed",
    "done": "● done",
    "stale": "◐ stale",
    "waiting": "… waiting",
    "blocked by budget": "▣ blocked by budget",
    "impossible": "– impossible",
}


@dataclass(frozen=True)
class Alike:
    """Periods of one product in the same state for the same reason."""

    targets: "Sequence[Target]"

    @property
    def first(self) -> "Target":
        """The one that stands for all."""
        return self.targets[0]

    @property
    def periods(self) -> str:
        """The first and the last period."""
        named = sorted({target.period for target in self.targets})
        return named[0] if len(named) == 1 else f"{named[0]} to {named[-1]} ({len(named)})"

    @property
    def clients(self) -> str:
        """For whom they are."""
        return ", ".join(sorted({target.client for target in self.targets if target.client})) or "-"

    @property
    def cost(self) -> str:
        """What is run for them, and what that takes, each period once; empty where nothing is."""
        if not self.first.needs:
            return ""
        once = {target.period: target for target in self.targets}.values()
        rho, rows = sum(target.rho for target in once), sum(target.rows or 0 for target in once)
        facts = [f"rho {rho:.4f}"] * bool(rho) + [f"{rows:,} rows"] * bool(rows)
        seconds = f"{sum(target.seconds or 0 for target in once):g} s"
        return f"{', '.join(self.first.needs)}: {', '.join([*facts, seconds])}"


def group_alike(targets: "Iterable[Target]") -> list[Alike]:
    """Targets that are alike, in the order of their first ones."""
    alike: dict[tuple[object, ...], list[Target]] = {}
    for target in targets:
        key = (target.product, target.state, target.needs, target.why.replace(target.period, "*"))
        alike.setdefault(key, []).append(target)
    return [Alike(same) for same in alike.values()]


def by_length(targets: "Iterable[Target]") -> "list[Target]":
    """By the end of the period; of periods that end together, days before weeks and months."""
    return sorted(targets, key=lambda target: (target.ends, target.product))


def records(plan: "Plan") -> list[dict[str, object]]:
    """The plan by period, as a table that a page of 1,400 pixels holds; why a period is not done, the grid says."""
    return [
        {
            "period": target.period,
            "product": target.product,
            "client": target.client or "",
            "state": target.state.value,
            "from": next(iter(target.needs), ""),
            "rho": f"{target.rho:.4f}" if target.rho else "",
            "rows": target.rows if target.needs else None,
            "seconds": f"{target.seconds:g}" if target.needs else "",
        }
        for target in by_length(plan.targets)
    ]


def total(plan: "Plan") -> str:
    """What the plan holds and what it will take, in a sentence."""
    if not plan.targets:
        return f"{plan.first} to {plan.last}: nothing is expected here."
    states = ", ".join(f"{number} {state.value}" for state, number in plan.counts.items())
    if not plan.due:
        return f"{states}. Nothing to run."
    verbs = Counter(step.verb for step in plan.due)
    steps = ", ".join(f"{number} {verb}" for verb, number in verbs.items())
    rho = ", ".join(f"{amount:.4f} in {month}" for month, amount in plan.rho.items()) or "none"
    rows = f"; about {plan.rows:,} event rows" if plan.rows else ""
    took = timedelta(seconds=round(plan.seconds))
    return f"{states}. To run: {steps}; rho {rho}{rows}; about {took} one after the other."


def grid(plan: "Plan") -> str:
    """Markdown: for each client a table, with a line a period and a column a product; cells link to their last runs."""
    clients: dict[str, list[Target]] = {}
    for target in sorted(by_length(plan.targets), key=lambda target: target.client or ""):
        clients.setdefault(f" to {target.client}" if target.client else "", []).append(target)
    return "\n\n".join(_table(whom, targets) for whom, targets in clients.items())


def _table(whom: str, targets: "Sequence[Target]") -> str:
    products = sorted({target.product for target in targets})
    cells = {(target.period, target.product): _linked(target) for target in targets}
    periods = dict.fromkeys(target.period for target in targets)
    rows = [[period, *(cells.get((period, product), "") for product in products)] for period in periods]
    return markdown_table(["period", *(f"{product}{whom}" for product in products)], rows)


def markdown_table(columns: "Sequence[str]", rows: "Sequence[Sequence[str]]") -> str:
    """A table of cells that are Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *rows))


def not_done(plan: "Plan") -> Sequence["Target"]:
    """Cells that are not done, those that are somebody's turn first."""
    order = ("failed", "blocked by budget", "stale", "missing", "waiting", "impossible")
    open_targets = [target for target in by_length(plan.targets) if target.state.value in order]
    return sorted(open_targets, key=lambda target: order.index(target.state.value))


def _linked(target: "Target") -> str:
    sign = SIGNS[target.state.value]
    return f"[{sign}]({FLOW_RUN}{target.flow_run_id})" if target.flow_run_id else sign
