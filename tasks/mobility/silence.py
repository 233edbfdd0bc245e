"""How long a zone holds without an event, compiled: one rule for presence and stays. Twins: tests/reference.py."""

from tasks.events.jit import kernel
from tasks.mobility.day import HOUR, WalkRules


@kernel
def longest_gap(earlier: int, later: int, rules: WalkRules) -> int:
    """How long a zone may hold between two seconds: longer if their middle lies in the night."""
    at_night = rules.night[(earlier + later) // 2 // HOUR]
    return rules.silence.max_gap_night if at_night else rules.silence.max_gap_day


@kernel
def held_after(earlier: int, later: int, rules: WalkRules) -> int:
    """Seconds that a zone holds after its last event, when the next one is in another zone or too late."""
    return min((later - earlier + 1) // 2, rules.silence.max_hold)


@kernel
def held_before(earlier: int, later: int, rules: WalkRules) -> int:
    """Seconds that a zone holds before its first event, when the previous one is in another zone or too early."""
    return min((later - earlier) // 2, rules.silence.max_hold)


@kernel
def held_to_midnight(earlier: int, later: int, rules: WalkRules) -> int:
    """Seconds that a zone holds between midnight and the day's first or last event."""
    gap = later - earlier
    return gap if gap <= longest_gap(earlier, later, rules) else min(gap, rules.silence.max_hold)
