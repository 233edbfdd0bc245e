"""A plan and what became of it, in words and as a grid: periods down, products and clients across."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flows.links import FLOW_RUN
from flows.standing import span

if TYPE_CHECKING:
    from tasks.plan import Plan
    from tasks.plan.states import Cell

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
class Span:
    """Periods in a row of one product and client that stand alike, for the same reason."""

    cells: "Sequence[Cell]"

    @property
    def first(self) -> "Cell":
        """The one that stands for all."""
        return self.cells[0]

    @property
    def periods(self) -> str:
        """The first and the last period."""
        return span([cell.period for cell in self.cells])

    @property
    def cost(self) -> str:
        """What is run for them, and what that takes; empty where nothing is."""
        if not self.first.needs:
            return ""
        rho, rows = sum(cell.rho for cell in self.cells), sum(cell.rows or 0 for cell in self.cells)
        facts = [f"rho {rho:.4f}"] * bool(rho) + [f"{rows:,} rows"] * bool(rows)
        return f"{', '.join(self.first.needs)}: " + ", ".join(
            [*facts, f"{sum(cell.seconds or 0 for cell in self.cells):g} s"]
        )


def spans(cells: "Iterable[Cell]") -> list[Span]:
    """Cells by spans, in the order of their first ones."""
    found: list[list[Cell]] = []
    last: dict[tuple[str, str | None], list[Cell]] = {}
    for cell in cells:
        key = (cell.product, cell.client)
        if key not in last or _standing(last[key][-1]) != _standing(cell):
            last[key] = []
            found.append(last[key])
        last[key].append(cell)
    return [Span(same) for same in found]


def _standing(cell: "Cell") -> tuple[object, ...]:
    return cell.state, cell.needs, cell.why.replace(cell.period, "*")


def records(plan: "Plan") -> list[dict[str, object]]:
    """The plan as lines of a page's table, by period."""
    return [
        {
            "period": cell.period,
            "product": cell.product,
            "client": cell.client or "",
            "state": cell.state.value,
            "does": " ".join(cell.needs),
            "rho": f"{cell.rho:.4f}" if cell.rho else "",
            "rows": cell.rows if cell.needs else None,
            "seconds": f"{cell.seconds:g}" if cell.needs else "",
            "why": cell.why,
        }
        for cell in plan.cells
    ]


def total(plan: "Plan") -> str:
    """What the plan holds and what it will take, in a sentence."""
    if not plan.cells:
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
    """Markdown: a line for each period, a column for each product and client; each cell links to its last run."""
    across = sorted({(cell.product, cell.client or "") for cell in plan.cells})
    down = list(dict.fromkeys(cell.period for cell in plan.cells))
    filled = {(cell.period, cell.product, cell.client or ""): _cell(cell) for cell in plan.cells}
    heads = ["period", *(f"{product} to {client}" if client else product for product, client in across)]
    lines = [heads, ["---"] * len(heads)]
    lines += [[period, *(filled.get((period, *column), "") for column in across)] for period in down]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def left(plan: "Plan") -> Sequence["Cell"]:
    """Cells that are not done, those that are somebody's turn first."""
    order = ("failed", "blocked by budget", "stale", "missing", "waiting", "impossible")
    open_cells = [cell for cell in plan.cells if cell.state.value in order]
    return sorted(open_cells, key=lambda cell: order.index(cell.state.value))


def _cell(cell: "Cell") -> str:
    sign = SIGNS[cell.state.value]
    return f"[{sign}]({FLOW_RUN}{cell.flow_run_id})" if cell.flow_run_id else sign
