"""Words of a command line, read into what they mean; a wrong one says how to write it."""

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.period import Period


def parse_day(text: str) -> date:
    """A network-local day as written by users; raises Misconfigured."""
    return _a_period(text, "day", "2026-03-01").first


def parse_month(text: str) -> str:
    """A month as written by users; raises Misconfigured."""
    return str(_a_period(text, "month", "2026-03"))


def _a_period(text: str, cadence: str, example: str) -> "Period":
    from tasks.errors import Misconfigured
    from tasks.period import Period

    action = f"Write a {cadence}, as {example}."
    try:
        period = Period.parse(text)
    except Misconfigured as error:
        raise Misconfigured(error.what.replace("a period", f"a {cadence}"), action, error.code) from None
    if period.cadence != cadence:
        raise Misconfigured(f"'{text}' is a {period.cadence}, not a {cadence}.", action, "period.other_cadence")
    return period


def check_reason(option: str, value: str | None, reason: str | None) -> str | None:
    """The reason that belongs to an option; raises Misconfigured if one of the two is missing."""
    from tasks.errors import Misconfigured

    if (value is None) != (not (reason or "").strip()):
        raise Misconfigured(
            f"{option} and --reason belong together.",
            "Give both or neither: the audit table keeps why.",
            "usage.reason_missing",
        )
    return reason
