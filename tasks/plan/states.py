"""A plan's steps: state, reason, cost, and the modes that run them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tasks.period import Period


class State(StrEnum):
    """The state of a step or of a client's period."""

    MISSING = "missing"
    FAILED = "failed"
    DONE = "done"
    STALE = "stale"
    WAITING = "waiting"
    BLOCKED = "blocked by budget"
    IMPOSSIBLE = "impossible"


class Mode(StrEnum):
    """The work that a backfill runs."""

    MISSING = "missing"
    FAILED = "failed"
    ALL = "all"


MEANING: Mapping[State, str] = {
    State.MISSING: "not there yet; everything it needs is there, or comes before it in this plan",
    State.FAILED: "tried, and it did not succeed",
    State.DONE: "nothing is left to do",
    State.STALE: "there, but the landing or the lake has changed since; only --revision-of draws again",
    State.WAITING: "for data that have not arrived, or for a month that is not complete",
    State.BLOCKED: "the month's privacy budget does not suffice",
    State.IMPOSSIBLE: "the data have expired, or the release was taken back",
}


@dataclass(frozen=True)
class Step:
    """One piece of work: ingest a day, publish a period, or deliver it to a client."""

    verb: str
    period: str
    state: State
    why: str
    product: str | None = None
    client: str | None = None
    rho: float = 0.0
    """The charge to the month that pays most; 0 without a draw."""
    revision_rho: float | None = None
    """The charge of a revision of a stale release."""
    rows: int | None = None
    """Rows read (ingest) or written (deliver), known or estimated."""
    seconds: float | None = None
    """Expected seconds, from earlier runs."""
    flow_run_id: str | None = None
    needs: tuple[tuple[str, str], ...] = ()
    """Keys of other releases' steps that must come before."""
    settled: bool = False
    """The step failed and nothing changed since; the schedule does not retry it."""
    overdue: bool = False
    """The step waits for an overdue landing folder."""
    unread: bool = False
    """Nothing was published yet from the version that this step replaces."""

    @property
    def subject(self) -> str:
        """The subject of this step's run in the catalog."""
        return " ".join(part for part in (self.client, self.product, self.period) if part)

    @property
    def key(self) -> tuple[str, str]:
        """Verb and subject."""
        return self.verb, self.subject

    def runs_in(self, mode: Mode | None) -> bool:
        """Whether a backfill's mode runs it; None is the schedule, which does not retry a known failure.

        `all` also ingests changed days again and compares deliveries.
        """
        if self.verb == "ingest" and self.state is State.STALE:
            return mode is Mode.ALL or (self.unread and mode is not Mode.FAILED and not (mode is None and self.settled))
        if self.verb == "deliver" and self.state in (State.DONE, State.STALE):
            return mode is Mode.ALL
        if mode is None and self.verb == "ingest" and self.state is State.WAITING:
            return not self.overdue  # so that its run says that it waits
        lacking = self.state is State.MISSING and mode is not Mode.FAILED
        return lacking or (self.state is State.FAILED and not (mode is None and self.settled))


@dataclass(frozen=True)
class Target:
    """A user's view: one product of one period for one client (None: no grant, or an internal product)."""

    product: str
    client: str | None
    period: str
    state: State
    why: str
    needs: tuple[str, ...]
    """Verbs that this plan runs for the target."""
    rho: float
    revision_rho: float | None
    rows: int | None
    seconds: float | None
    expected_by: datetime | None
    late: bool
    flow_run_id: str | None

    @property
    def upstream(self) -> list[tuple[str, str]]:
        """Verbs and subjects of the steps that lead to the target, last one first."""
        drawn = f"{self.product} {self.period}"
        delivered = [("deliver", f"{self.client} {drawn}")] if self.client else []
        return [*delivered, ("publish", drawn), *(("ingest", str(day)) for day in Period.parse(self.period).days)]

    @property
    def ends(self) -> tuple[date, int]:
        """When its period ends, and how many days that has."""
        period = Period.parse(self.period)
        return period.end, len(period.days)

    @property
    def name(self) -> str:
        """The target's name."""
        return f"{self.product} {self.period}" + (f" to {self.client}" if self.client else "")


@dataclass(frozen=True)
class Plan:
    """The work of a range of days: steps in running order, and the targets they complete."""

    first: date
    last: date
    mode: Mode | None
    steps: tuple[Step, ...]
    targets: tuple[Target, ...]
    due: tuple[Step, ...]

    @property
    def rho(self) -> Mapping[str, float]:
        """The charge of the due steps, by calendar month of the period's last day."""
        months: dict[str, float] = {}
        for step in self.due:
            if step.rho:
                month = Period.parse(step.period).months[-1]
                months[month] = months.get(month, 0.0) + step.rho
        return months

    @property
    def seconds(self) -> float:
        """Expected seconds of the due steps in sequence."""
        return sum(step.seconds or 0.0 for step in self.due)

    @property
    def rows(self) -> int:
        """Estimated event rows of the due ingests."""
        return sum(step.rows or 0 for step in self.due if step.verb == "ingest")

    @property
    def counts(self) -> Mapping[State, int]:
        """Cells by state, in the order of the states."""
        return counted(target.state for target in self.targets)

    def document(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "first": self.first,
            "last": self.last,
            "mode": self.mode,
            "cells": [vars(target) for target in self.targets],
            "due": [{"verb": s.verb, "subject": s.subject, "rho": s.rho, "seconds": s.seconds} for s in self.due],
            "counts": {state.value: number for state, number in self.counts.items()},
            "total": {"rho": self.rho, "rows": self.rows, "seconds": round(self.seconds, 1)},
        }


def counted(states: Iterable[State]) -> dict[State, int]:
    """How often each state occurs, in the order of the states."""
    found = list(states)
    return {state: found.count(state) for state in State if state in found}
