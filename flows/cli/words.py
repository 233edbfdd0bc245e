"""Words of a command line, read into what they mean; a wrong one says how to write it."""

from datetime import date


def a_day(text: str) -> date:
    """A network-local day as written by users; raises Misconfigured."""
    from tasks.errors import Misconfigured
    from tasks.period import Cadence, Period

    period = Period.parse(text)
    if period.cadence is not Cadence.DAY:
        raise Misconfigured(f"'{text}' is a {period.cadence}, not a day.", "Write a day, as 2026-03-01.")
    return period.first


def a_month(text: str) -> str:
    """A month as written by users; raises Misconfigured."""
    from tasks.errors import Misconfigured
    from tasks.period import Cadence, Period

    period = Period.parse(text)
    if period.cadence is not Cadence.MONTH:
        raise Misconfigured(f"'{text}' is a {period.cadence}, not a month.", "Write a month, as 2026-03.")
    return str(period)


def a_reason(option: str, value: str | None, reason: str | None) -> str | None:
    """The reason that belongs to an option; raises Misconfigured if one of the two is missing."""
    from tasks.errors import Misconfigured

    if (value is None) != (not (reason or "").strip()):
        raise Misconfigured(
            f"{option} and --reason belong together.", "Give both or neither: the audit table keeps why."
        )
    return reason
