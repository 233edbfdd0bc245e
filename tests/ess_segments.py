"""The time segments of the European Statistical System (multimno, continuous time segmentation), re-stated and slow.

Its rule needs cells that overlap; here, cells overlap if they are in one zone.
"""

from collections.abc import Sequence
from typing import NamedTuple

MIN_STAY, MAX_GAP_STAY, MAX_GAP_MOVE, PAD = 900, 12 * 3600, 2 * 3600, 300
"""The published defaults, in seconds."""


class Segment(NamedTuple):
    """A time in one state: `stay`, `move`, `undetermined` or `unknown`; zone -1 is outside or not known."""

    state: str
    start: int
    end: int
    zone: int


def segments(events: Sequence[tuple[int, int]]) -> list[Segment]:
    """Segments from a day's events (second, zone) in order, without an earlier day; nothing follows the last event."""
    (first, zone), *later = events
    pad = PAD if first >= PAD else 0
    found = [Segment("unknown", 0, first - pad, -1), Segment("undetermined", first - pad, first, zone)]
    for second, zone in later:
        now = found.pop()
        gap, same = second - now.end, zone == now.zone
        if same and gap <= MAX_GAP_STAY and now.state != "move":
            # The state changes once enough time has passed, and never back.
            long = now.state == "stay" or second - now.start > MIN_STAY
            found.append(Segment("stay" if long else "undetermined", now.start, second, zone))
        elif same and gap <= MAX_GAP_STAY:
            found += [now, Segment("stay" if gap > MIN_STAY else "undetermined", now.end, second, zone)]
        elif not same and gap <= MAX_GAP_MOVE:
            middle = now.end + gap // 2
            found += [now, Segment("move", now.end, middle, now.zone), Segment("move", middle, second, zone)]
        else:
            end, begin = now.end + PAD, second - PAD
            found += [now._replace(end=end), Segment("unknown", end, begin, -1)]
            found.append(Segment("undetermined", begin, second, zone))
    return found


def stays(events: Sequence[tuple[int, int]]) -> list[Segment]:
    """The segments that are stays."""
    return [segment for segment in segments(events) if segment.state == "stay"]
