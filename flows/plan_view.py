"""A plan and what became of it, in words and as a grid: periods down, products and clients across."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flows.links import FLOW_RUN
from flows.status_text import span

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

WIDTH = 95
"""Characters that the columns of one table take at most, beside the period."""


@dataclass(frozen=True)
class Span:
    """Periods in a row of one product and client that stand alike, for the same reason."""

    targets: "Sequence[Target]"

    @property
    def first(self) -> "Target":
        """The one that stands for all."""
        return self.targets[0]

    @property
    def periods(self) -> str:
        """The first and the last period."""
        return span([target.period for target in self.targets])

    @property
    def cost(self) -> str:
        """What is run for them, and what that takes; empty where nothing is."""
        if not self.first.needs:
            return ""
        rho, rows = sum(target.rho for target in self.targets), sum(target.rows or 0 for target in self.targets)
        facts = [f"rho {rho:.4f}"] * bool(rho) + [f"{rows:,} rows"] * bool(rows)
        return f"{', '.join(self.first.needs)}: " + ", ".join(
            [*facts, f"{sum(target.seconds or 0 for target in self.targets):g} s"]
        )


def spans(targets: "Iterable[Target]") -> list[Span]:
    """Cells by spans, in the order of their first ones."""
    found: list[list[Target]] = []
    last: dict[tuple[str, str | None], list[Target]] = {}
    for target in targets:
        key = (target.product, target.client)
        if key not in last or _group_key(last[key][-1]) != _group_key(target):
            last[key] = []
            found.append(last[key])
        last[key].append(target)
    return [Span(same) for same in found]


def _group_key(target: "Target") -> tuple[object, ...]:
    return target.state, target.needs, target.why.replace(target.period, "*")


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
        for target in plan.targets
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
    """Markdown: a line for each period, a column for each product and client; each cell links to its last run.

    Columns that a page of 1,400 pixels does not hold make a further table.
    """
    down = list(dict.fromkeys(target.period for target in plan.targets))
    filled = {(target.period, _head(target)): _target(target) for target in plan.targets}
    tables: list[list[str]] = [[]]
    for head in sorted({_head(target) for target in plan.targets}):
        if tables[-1] and sum(map(_width, [*tables[-1], head])) > WIDTH:
            tables.append([])
        tables[-1].append(head)
    return "\n\n".join(_table(heads, down, filled) for heads in tables)


def _head(target: "Target") -> str:
    return f"{target.product} to {target.client}" if target.client else target.product


def _width(head: str) -> int:
    """Characters of a column, with the space around it."""
    return max(len(head), *map(len, SIGNS.values())) + 3


def _table(heads: Sequence[str], down: Iterable[str], filled: Mapping[tuple[str, str], str]) -> str:
    lines = [["period", *heads], ["---"] * (len(heads) + 1)]
    lines += [[period, *(filled.get((period, head), "") for head in heads)] for period in down]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def not_done(plan: "Plan") -> Sequence["Target"]:
    """Cells that are not done, those that are somebody's turn first."""
    order = ("failed", "blocked by budget", "stale", "missing", "waiting", "impossible")
    open_targets = [target for target in plan.targets if target.state.value in order]
    return sorted(open_targets, key=lambda target: order.index(target.state.value))


def _target(target: "Target") -> str:
    sign = SIGNS[target.state.value]
    return f"[{sign}]({FLOW_RUN}{target.flow_run_id})" if target.flow_run_id else sign
