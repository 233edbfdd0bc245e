"""The grid of a page: a line for each product and client, a column for each period, a table for each cadence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from flows.plan_view import SIGNS
from tasks.period import Cadence, Period
from tasks.plan.states import State
from tasks.products.registry import for_clients

if TYPE_CHECKING:
    from tasks.plan.states import Target
    from tasks.status import Status


@dataclass(frozen=True)
class Square:
    """One period of one line: its sign, and in words what it says; `href` leads to its last run."""

    sign: str
    state: str
    label: str
    late: bool
    href: str | None


@dataclass(frozen=True)
class Line:
    """One product for one client."""

    product: str
    whom: str
    squares: Sequence[Square | None]


@dataclass(frozen=True)
class Band:
    """All lines of one cadence, under their periods: short names, and what they are grouped by."""

    name: str
    groups: Sequence[tuple[str, int]]
    heads: Sequence[tuple[str, str]]
    lines: Sequence[Line]


def bands(status: "Status", address: Callable[[str | None], str | None]) -> list[Band]:
    """Days, weeks, months: those that have periods in view."""
    made = [_band(cadence, status, address) for cadence in Cadence]
    return [band for band in made if band.lines]


def legend(status: "Status") -> list[tuple[str, str]]:
    """Signs and words of the states that are in view, the good one first."""
    states = sorted(status.plan.counts, key=lambda state: state is not State.DONE)
    return [(SIGNS[state].split(" ")[0], state.value) for state in states]


def _band(cadence: Cadence, status: "Status", address: Callable[[str | None], str | None]) -> Band:
    targets = [target for target in status.plan.targets if Period.parse(target.period).cadence is cadence]
    periods = sorted({Period.parse(target.period) for target in targets})
    filled = {(target.product, target.client or "", target.period): target for target in targets}
    afterwards = {(line.client, line.product, period) for line in status.delivery_health for period in line.missed}

    def square(product: str, client: str, period: Period) -> Square | None:
        target = filled.get((product, client, str(period)))
        return _square(target, (client, product, str(period)) in afterwards, address) if target else None

    lines = [
        Line(product, _whom(product, client), [square(product, client, period) for period in periods])
        for product, client in sorted({(target.product, target.client or "") for target in targets})
    ]
    groups = [(name, len(list(same))) for name, same in groupby(periods, lambda period: _group(period))]
    return Band(f"by {cadence.value}", groups, [(_head(period), _whole(period)) for period in periods], lines)


def _square(target: "Target", afterwards: bool, address: Callable[[str | None], str | None]) -> Square:
    late = ", late" if target.late else ", delivered after its deadline" if afterwards else ""
    whom = f" to {target.client}" if target.client else ""
    label = f"{target.product} {target.period}{whom}: {target.state.value}{late}. {target.why}"
    sign = SIGNS[target.state.value].split(" ")[0]
    return Square(sign, target.state.name.lower(), label, bool(late), address(target.flow_run_id))


def _whom(product: str, client: str) -> str:
    if client:
        return client
    return "no client yet" if product in for_clients() else "for ourselves"


def _group(period: Period) -> str:
    return f"{period.first:%Y}" if period.cadence is Cadence.MONTH else f"{period.first:%B %Y}"


def _head(period: Period) -> str:
    if period.cadence is Cadence.MONTH:
        return f"{period.first:%b}"
    return f"{period.first.day}" if period.cadence is Cadence.DAY else str(period)[-3:]


def _whole(period: Period) -> str:
    return f"{period.first:%A} {period}" if period.cadence is Cadence.DAY else str(period)
