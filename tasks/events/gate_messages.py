"""What the gate says: a sentence a rule, and what to do about it, for somebody who sees it for the first time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHOWN = 5
"""How many names a sentence lists before it says how many more there are."""


@dataclass(frozen=True)
class _Words:
    says: str
    """With {value}, {limit} and {detail}."""
    action: str
    share: bool = True
    """Whether value and limit are shares, to be read as per cent."""
    exactly: str = ""
    """Instead of `says`, where exact counts over all rows were judged."""


_RULES: Mapping[str, _Words] = {
    "rejected_files": _Words(
        "{value} of the day's event files could not be read{detail}; the limit is {limit}.",
        "Ask the operator to send these files again, replace them in the folder, and run `throng ingest` again.",
    ),
    "empty_files": _Words(
        "{value} of the day's event files hold no row{detail}; the limit is {limit}.",
        "Ask the operator whether the export was cut off; replace these files and run `throng ingest` again.",
    ),
    "unreadable_rows": _Words(
        "{value} of all rows could not be parsed; the limit is {limit}.",
        "`throng runs --day DAY` names the files: ask the operator to correct them, and run `throng ingest` again.",
    ),
    "missing_subscribers": _Words(
        "{value} of all rows have no subscriber id; the limit is {limit}.",
        "Ask the operator why ids are missing, replace the files, and run `throng ingest` again.",
    ),
    "register_values": _Words(
        "{value} of the values are not understood, or none can be counted; the limit is {limit}.{detail}",
        "Correct the register, or let formats.toml say what its words and dates mean, and run `throng ingest` again.",
    ),
    "lateness_hours": _Words(
        "The newest file came {value} hours after the day's end; the limit is {limit}.",
        "If deliveries become late, ask the operator to send earlier.",
        share=False,
    ),
    "rows_kept": _Words(
        "{value} of all rows are kept, at least {limit} are expected.",
        "Compare the event files with the consents, subscribers and cells files, correct them or the policy, and run "
        "`throng ingest` again.",
    ),
    "rows_low": _Words(
        "The day has about {value} of a usual day's rows (the median of earlier days); at least {limit} are expected.",
        "Ask the operator whether files are missing, add them, and run `throng ingest` again.",
    ),
    "rows_high": _Words(
        "The day has about {value} of a usual day's rows (the median of earlier days); at most {limit} are expected.",
        "Ask the operator whether files were sent twice, and remove the copies.",
    ),
    "bad_times": _Words(
        "About {value} of the panel's rows have no usable time, or a time far from this day; the limit is {limit}.",
        "Check the time column's form, and landing_timezone in the policy.",
        exactly="{value} of all rows have no usable time, or a time far from this day; the limit is {limit}.",
    ),
    "unusable_cells": _Words(
        "About {value} of the panel's rows name no cell, or one that the cell plan does not have on this day; "
        "the limit is {limit}.",
        "Check that the cells file is the one of this day's network, replace it, and run `throng ingest` again.",
        exactly="{value} of all rows name no cell, or one that the cell plan does not have on this day; the limit is "
        "{limit}.",
    ),
    "other_days": _Words(
        "About {value} of the panel's rows belong to neighbouring days; the limit is {limit}.",
        "Check which timezone the operator's `date=` folders follow: landing_timezone and lateness_days in the policy.",
        exactly="{value} of all rows belong to neighbouring days; the limit is {limit}.",
    ),
    "hours_covered": _Words(
        "The emptiest hour has about {value} of the median hour's rows; below {limit} an hour counts as empty{detail}.",
        "Ask the operator for the missing hours; if they never come, these hours are delivered as `incomplete`.",
    ),
}

_NO_ROWS = "This could not be measured: the panel has too few rows for the noise that protects it."
_NO_HISTORY = "This could not be measured: there is no earlier day with enough rows to compare with."
_UNCLEAR = "The noise that protects subscribers is too large here to say more."
_BROKE = "The check itself broke, so nothing is known: this is a defect in Throng."


def message(rule: str, value: float | None, limit: float, detail: str, status: str, exact: bool = False) -> str:
    """What was found, in a sentence or two."""
    if value is None:
        return _NO_HISTORY if rule in ("rows_low", "rows_high") else _NO_ROWS
    words = _RULES[rule]
    number = _percent if words.share else "{:.1f}".format
    says = (exact and words.exactly) or words.says
    said = says.format(value=number(max(value, 0.0)), limit=number(limit), detail=detail)
    return " ".join((said, *({"not_judged": [_UNCLEAR], "error": [_BROKE]}.get(status, []))))


def action(rule: str, severity: str) -> str:
    """What to do when the rule fails."""
    accept = f" Or accept the day as it is: `--override {rule} --reason TEXT`." if severity == "critical" else ""
    return _RULES[rule].action + accept


def some(names: Sequence[str]) -> str:
    """` (a, b and 3 more)`; empty for no names."""
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f" ({', '.join(names[:SHOWN])}{more})"


def columns(found: Sequence[str]) -> str:
    """` One; two; and 3 more.`; empty for no columns."""
    if not found:
        return ""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return f" {'; '.join([*found[:SHOWN], *more])}."


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
