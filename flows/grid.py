"""A plan and what became of it, in words and as a grid: periods down, products and clients across."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

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
COLUMNS = ("period", "product", "client", "state", "does", "#rho", "#rows", "#seconds", "why")
Row = tuple[object, ...]


def rows(plan: "Plan") -> list[Row]:
    """The plan as lines of COLUMNS, by period."""
    return [
        (
            cell.period,
            cell.product,
            cell.client or "-",
            cell.state.value,
            " ".join(cell.needs) or "-",
            f"{cell.rho:.4f}" if cell.rho else "-",
            cell.rows if cell.needs else None,
            f"{cell.seconds:g}" if cell.needs else "-",
            cell.why,
        )
        for cell in plan.cells
    ]


def records(plan: "Plan") -> list[dict[str, object]]:
    """The same for a page's table, which has neither numbers flushed right nor dashes for nothing."""
    heads = [column.lstrip("#") for column in COLUMNS]
    return [dict(zip(heads, ("" if value == "-" else value for value in row), strict=True)) for row in rows(plan)]


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
    return f"[{sign}](/runs/flow-run/{cell.flow_run_id})" if cell.flow_run_id else sign
