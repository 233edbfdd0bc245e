"""What the gate's rules measure, each as an excess: how far the limit is passed, in rows, hours or shares.

An excess below zero is inside the limit. It is linear in the noisy numbers, so that its standard error is exact and no
quotient of two noisy numbers is ever judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.events import gate_messages
from tasks.events.file_facts import FileFacts
from tasks.events.profile import NONE, NoisyValue, Profile, middle
from tasks.events.reasons import Reason
from tasks.events.register_values import RegisterFacts
from tasks.policy import GateRules

SURE = 4.0
"""Noise standard errors by which a limit must be passed, or kept, before the gate says so."""

BAD_TIMES = (Reason.MISSING_TIME, Reason.BAD_TIME, Reason.OUTSIDE_DAY)
UNUSABLE_CELLS = (Reason.MISSING_CELL, Reason.UNKNOWN_CELL, Reason.EXPIRED_CELL, Reason.BAD_PLMN)


@dataclass(frozen=True)
class GateMetric:
    """A rule's value for people to read, and the excess over its limit, by which it is judged."""

    value: float
    excess: NoisyValue
    detail: str = ""
    exact: bool = False
    """Whether it rests on exact counts of rows, so that it must not leave the operator."""


def of_files(facts: FileFacts, rules: GateRules) -> dict[str, GateMetric | None]:
    """What the rules on exact facts measure."""
    values = {
        "rejected_files": len(facts.rejected) / max(facts.files, 1),
        "empty_files": len(facts.empty) / max(facts.files, 1),
        "unreadable_rows": facts.unreadable_rows / max(facts.rows, 1),
        "missing_subscribers": facts.missing_subscribers / max(facts.rows, 1),
        "lateness_hours": facts.lateness_hours,
    }
    details = {
        "rejected_files": gate_messages.some(facts.rejected),
        "empty_files": gate_messages.some(facts.empty),
    }
    return _of_registers(facts.registers, rules.register_values.limit) | {
        name: GateMetric(value, NoisyValue(value - getattr(rules, name).limit, 0.0), details.get(name, ""))
        for name, value in values.items()
    }


def _of_registers(registers: RegisterFacts, limit: float) -> dict[str, GateMetric | None]:
    """The share of values that are not understood, by column: `subscribers.gender`."""
    return {
        column.name: GateMetric(
            column.share,
            NoisyValue(column.share - limit, 0.0),
            gate_messages.columns([str(column)] if column.share else []),
        )
        for column in registers.columns
    }


PROFILE_RULES = frozenset({"rows_low", "rows_high", "bad_times", "unusable_cells", "other_days", "hours_covered"})
"""Rules on the noisy profile: what they say may leave the operator, unless they were judged by exact counts."""


def of_day(
    facts: FileFacts, profile: Profile, history: Sequence[NoisyValue], rules: GateRules
) -> dict[str, GateMetric | None]:
    """What all rules measure; where the noise of the profile hides it, exact totals over all rows are measured."""
    exact = _of_all_rows(facts, rules)
    noisy = {**of_rows(profile, history, rules), "rows_kept": _kept(profile.kept, facts, rules.rows_kept.limit)}
    rows = {name: measure if _tells(measure) else exact.get(name, measure) for name, measure in noisy.items()}
    return of_files(facts, rules) | rows


def strange(facts: FileFacts, rules: GateRules) -> bool:
    """Whether exact totals pass a limit on the quality of rows, so that somebody will ask where rows went."""
    return any(measure.excess.value > 0 for measure in _of_all_rows(facts, rules).values())


def _tells(measure: GateMetric | None) -> bool:
    """Whether a limit is surely passed, or surely kept."""
    return measure is not None and abs(measure.excess.value) > SURE * measure.excess.se


def _of_all_rows(facts: FileFacts, rules: GateRules) -> dict[str, GateMetric]:
    """What the rules on the quality of rows measure over all rows, of panel members or not."""
    faults = {"bad_times": BAD_TIMES, "unusable_cells": UNUSABLE_CELLS, "other_days": (Reason.OTHER_DAY,)}
    found = {name: facts.having(*reasons) for name, reasons in faults.items()}
    metrics = {
        name: GateMetric(
            rows / max(facts.rows, 1), NoisyValue(rows - getattr(rules, name).limit * facts.rows, 0.0), exact=True
        )
        for name, rows in found.items()
    }
    return metrics | {"rows_kept": _kept(NoisyValue(facts.kept, 0.0), facts, rules.rows_kept.limit)}


def _kept(kept: NoisyValue, facts: FileFacts, limit: float) -> GateMetric:
    """How many rows are missing at the least share of all rows; a day of which nothing is kept lacks all.

    Shown is the exact share, as in the row account: it stays with the operator.
    """
    lacking = NoisyValue(limit * facts.rows, 0.0) + kept.times(-1) if facts.kept else NoisyValue(1.0, 0.0)
    return GateMetric(facts.kept / max(facts.rows, 1), lacking, exact=True)


def of_rows(profile: Profile, history: Sequence[NoisyValue], rules: GateRules) -> dict[str, GateMetric | None]:
    """What the rules on noisy rows measure; None where there is too little to compare with."""
    usual = middle(history) if history else NONE
    return {
        "rows_low": _ratio(profile.kept, usual, rules.rows_low.limit, -1),
        "rows_high": _ratio(profile.kept, usual, rules.rows_high.limit, 1),
        "bad_times": _share(profile, BAD_TIMES, rules.bad_times.limit),
        "unusable_cells": _share(profile, UNUSABLE_CELLS, rules.unusable_cells.limit),
        "other_days": _share(profile, (Reason.OTHER_DAY,), rules.other_days.limit),
        "hours_covered": _emptiest(profile, rules.hours_covered.limit),
    }


def _clear(number: NoisyValue) -> bool:
    """Whether a number is surely above zero, so that something can be compared with it."""
    return number.value > SURE * number.se


def _least(number: NoisyValue) -> float:
    """What is shown of a number of rows: noise may take it below zero."""
    return max(number.value, 0.0)


def _ratio(part: NoisyValue, whole: NoisyValue, limit: float, side: int) -> GateMetric | None:
    """part / whole against a limit it must stay under (side 1) or over (-1); both under independent noise."""
    if not _clear(whole):
        return None
    return GateMetric(_least(part) / whole.value, (part + whole.times(-limit)).times(side))


def _share(profile: Profile, reasons: Sequence[Reason], limit: float) -> GateMetric | None:
    """The reasons' share of all rows: part - limit (part + rest), whose two terms share no noise."""
    part, rest = profile.of(*reasons), profile.apart_from(*reasons)
    if not _clear(part + rest):
        return None
    return GateMetric(_least(part) / (part + rest).value, part.times(1 - limit) + rest.times(-limit))


def _missing_by_hour(profile: Profile, limit: float) -> list[NoisyValue]:
    """How many rows each hour lacks to reach its least share of the median hour."""
    return [middle(profile.hours).times(limit) + hour.times(-1) for hour in profile.hours]


def _emptiest(profile: Profile, limit: float) -> GateMetric | None:
    usual = middle(profile.hours)
    if not _clear(usual):
        return None
    missing = _missing_by_hour(profile, limit)
    empty = [f"{hour:02d}" for hour, excess in enumerate(missing) if excess.value > SURE * excess.se]
    least = min(map(_least, profile.hours))
    return GateMetric(least / usual.value, max(missing, key=lambda excess: excess.value), gate_messages.some(empty))


def incomplete_hours(profile: Profile, rules: GateRules) -> tuple[bool, ...]:
    """Which local hours are surely empty in the noisy profile."""
    return tuple(excess.value > SURE * excess.se for excess in _missing_by_hour(profile, rules.hours_covered.limit))
