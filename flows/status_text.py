"""A status in words: what a command and the page both say."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tasks.period import clock

if TYPE_CHECKING:
    from tasks.status import ActionItem, DeliveryHealth, Month, Status

TITLES = {
    "misconfigured": "the {} cannot be read",
    "schedule_silent": "the schedule does not run",
    "run_failed": "{} failed",
    "landing_overdue": "the landing of {} is past its time",
    "delivery_late": "{} is late",
    "out_of_view": "{} is late, and outside what the schedule looks at",
    "backfill_unfinished": "the backfill of {} is not finished",
    "key_expiring": "{} must be drawn soon",
    "expiry_overdue": "{} whose time is over must be destroyed",
    "budget_low": "the privacy budget of {} is low",
    "release_redrawn": "{} was drawn more than once",
    "gate_warning": "the gate warns of {}",
    "release_stale": "{} is stale",
    "mostly_withheld": "{} is mostly withheld",
}
_COMMAND = re.compile(r"`([^`]+)`|(?<=: )(throng [a-z].*)$")


def headline(status: "Status") -> str:
    """Whether all is well, or what is first to do, in a sentence."""
    first = status.action_items[0] if status.action_items else None
    late = f"{count(status.late, 'delivery is', 'deliveries are')} late"
    match status.verdict:
        case "act" if first and first.kind == "delivery_late":
            return f"{late}. {_of_them(first, status)}"
        case "act" if first:
            return f"{late if status.late else 'Something is to be done'}. First: {title(first)}."
        case "look" if first:
            more = f"{count(len(status.action_items), 'thing', 'things')} to look at"
            return f"{late if status.late else 'Nothing is late'}; {more}. First: {title(first)}."
        case "new":
            return "Nothing has run here yet, and no client is applied."
    if status.due:
        return f"All is well so far: nothing is late, and the next daily run has {count(status.due, 'step', 'steps')}."
    if not status.delivery_health:
        return "Nothing is late: no client is applied yet."
    return "All is well: everything that is expected by now is delivered."


def _of_them(todo: "ActionItem", status: "Status") -> str:
    """What to do about late deliveries, and about how many where others need something else."""
    number = len(todo.subjects)
    return todo.action if number == status.late else f"For {number} of them: {todo.action[0].lower()}{todo.action[1:]}"


def next_step(status: "Status") -> str:
    """The next step if nothing needs correction."""
    if not status.delivery_health:
        return (
            "Next: `throng doctor` checks what is set, `throng client apply FILE.toml` says who receives what, "
            "`throng daily` does all that is due, and `throng serve` does so every hour."
        )
    ahead = [standing for standing in status.delivery_health if standing.next_by]
    if not ahead:
        return "No client expects anything more: no grant goes on."
    first = min(ahead, key=lambda standing: standing.next_by or status.now)
    return f"Next: {first.product} {first.next} to {first.client} by {moment(first.next_by, status)}."


def title(todo: "ActionItem") -> str:
    """What a thing to do is about, in a clause."""
    more = f" and {len(todo.subjects) - 1} more" if len(todo.subjects) > 1 else ""
    said = TITLES[todo.kind].replace("{} is", "{} are") if more else TITLES[todo.kind]
    return said.format(f"{todo.subjects[0]}{more}")


def blocked_deliveries(todo: "ActionItem") -> str:
    """How many deliveries wait for it, as a further sentence."""
    return f" It holds up {count(len(todo.holds_up), 'delivery', 'deliveries')}." if todo.holds_up else ""


def parts(text: str) -> list[tuple[bool, str]]:
    """A sentence of our own in parts, and whether each is a command to type; never one that quotes somebody else."""
    found: list[tuple[bool, str]] = []
    end = 0
    for match in _COMMAND.finditer(text):
        found += [(False, text[end : match.start()]), (True, match[1] or match[2])]
        end = match.end()
    return [part for part in (*found, (False, text[end:])) if part[1]]


def awaited(standing: "DeliveryHealth", status: "Status") -> str:
    """The next period, and by when."""
    return f"{standing.next} by {moment(standing.next_by, status)}" if standing.next_by else "-"


def moment(at: datetime | None, status: "Status") -> str:
    """A moment on the network's clock, with its offset."""
    return clock(at, ZoneInfo(status.timezone)) if at else "-"


def age(span: timedelta) -> str:
    """How long ago, in the unit that says it best."""
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def freshness(standing: "DeliveryHealth", status: "Status") -> str:
    """How old the newest data are: since the end of their period."""
    return age(status.now - standing.newest_end) if standing.newest_end else "-"


def lateness(standing: "DeliveryHealth", status: "Status") -> str:
    """How many periods are late, and since when."""
    since = age(status.now - standing.late_since) if standing.late_since else ""
    late = f"{len(standing.late)}, for {since}" if standing.late else "none"
    return f"{late}; {len(standing.lost)} lost" if standing.lost else late


def punctuality(standing: "DeliveryHealth") -> str:
    """The share of the last deadlines that was met."""
    return f"{standing.met} of {standing.judged}" if standing.judged else "-"


def stalest(status: "Status") -> "DeliveryHealth":
    """The client and product whose newest data are the oldest."""
    without = [line for line in status.delivery_health if line.newest_end is None]
    return without[0] if without else min(status.delivery_health, key=lambda line: line.newest_end or status.now)


def overall_punctuality(status: "Status") -> str:
    """The share of the last deadlines that was met, over all clients."""
    judged, met = sum(line.judged for line in status.delivery_health), sum(line.met for line in status.delivery_health)
    return f"{met} of {judged}" if judged else "none yet"


def budget(month: "Month") -> str:
    """A month's budget in a sentence."""
    short = "" if month.suffices else ", which is not left"
    rho = f"rho {month.spent:.4f} of {month.cap:g} spent, the schedule needs {month.needed:.4f} more{short}"
    with_it = f"{month.epsilon_planned:.2f} with it, {month.epsilon_cap:.2f} at most"
    return f"{rho}; epsilon {month.epsilon_spent:.2f} so far, {with_it}"


def count(number: int, one: str, more: str) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else more}"
