"""A plan and what became of it, in words and as a grid: periods down, products and clients across."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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

WIDTH = 95
"""Characters that the columns of one table take at most, beside the period."""


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
    """The plan by period, as a table that a page of 1,400 pixels holds; why a period is not done, the grid says."""
    return [
        {
            "period": cell.period,
            "product": cell.product,
            "client": cell.client or "",
            "state": cell.state.value,
            "from": next(iter(cell.needs), ""),
            "rho": f"{cell.rho:.4f}" if cell.rho else "",
            "rows": cell.rows if cell.needs else None,
            "seconds": f"{cell.seconds:g}" if cell.needs else "",
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
    """Markdown: a line for each period, a column for each product and client; each cell links to its last run.

    Columns that a page of 1,400 pixels does not hold make a further table.
    """
    down = list(dict.fromkeys(cell.period for cell in plan.cells))
    filled = {(cell.period, _head(cell)): _cell(cell) for cell in plan.cells}
    tables: list[list[str]] = [[]]
    for head in sorted({_head(cell) for cell in plan.cells}):
        if tables[-1] and sum(map(_width, [*tables[-1], head])) > WIDTH:
            tables.append([])
        tables[-1].append(head)
    return "\n\n".join(_table(heads, down, filled) for heads in tables)


def _head(cell: "Cell") -> str:
    return f"{cell.product} to {cell.client}" if cell.client else cell.product


def _width(head: str) -> int:
    """Characters of a column, with the space around it."""
    return max(len(head), *map(len, SIGNS.values())) + 3


def _table(heads: Sequence[str], down: Iterable[str], filled: Mapping[tuple[str, str], str]) -> str:
    lines = [["period", *heads], ["---"] * (len(heads) + 1)]
    lines += [[period, *(filled.get((period, head), "") for head in heads)] for period in down]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def left(plan: "Plan") -> Sequence["Cell"]:
    """Cells that are not done, those that are somebody's turn first."""
    order = ("failed", "blocked by budget", "stale", "missing", "waiting", "impossible")
    open_cells = [cell for cell in plan.cells if cell.state.value in order]
    return sorted(open_cells, key=lambda cell: order.index(cell.state.value))


def _cell(cell: "Cell") -> str:
    sign = SIGNS[cell.state.value]
    return f"[{sign}]({FLOW_RUN}{cell.flow_run_id})" if cell.flow_run_id else sign
