"""Detection in plain Python, straight from its definition; the kernel must agree with it (tests/reference.py)."""

from collections import Counter
from collections.abc import Sequence

from tasks.mobility.day import HOUR, WalkRules
from tasks.mobility.windows import windows
from tasks.products.detection import SHOWN
from tests.reference import Cell, Event, from_midnight, halves, longest_gap, presence, to_midnight

OUTSIDE = 99
"""All that lies outside the zones, as one zone."""


def shown(seconds: Sequence[int], begin: int, end: int, rules: WalkRules) -> str:
    """What events show of a stay from `begin` to `end`."""
    run: list[int] = []
    for second in (second for second in seconds if begin <= second < end):
        if run and second - run[-1] > longest_gap(run[-1], second, rules):
            if run[-1] - run[0] >= rules.stay.min_dwell:
                break
            run = []
        run.append(second)
    if not run or run[-1] - run[0] < rules.stay.min_dwell:
        return "missed"
    earlier, later = [s for s in seconds if s < run[0]], [s for s in seconds if s > run[-1]]
    start = halves(earlier[-1], run[0], rules)[1] if earlier else from_midnight(run[0], rules)
    stop = halves(run[-1], later[0], rules)[0] if later else to_midnight(run[-1], rules)
    if start == 0 or stop == rules.day_seconds:
        return "before" if start == 0 else "overnight"
    return SHOWN[2 + sum(stop - start >= 60 * edge for edge in (5, 15, 30, 60, 120, 240, 480))]


def detection(events: Sequence[Event], cells: Sequence[Cell], rules: WalkRules) -> list[Counter[str]]:
    """How often each window shows what, of its four variants; in the order of WINDOWS."""
    seconds = [second for second, _ in events]
    stays = [
        [shown(seconds, begin, end, rules) for begin, end in window] for window in windows(rules.day_seconds).tolist()
    ]
    night, afternoon, evening = ([what != "missed" for what in window] for window in stays[-3:])
    late = [(afternoon if n % 2 else evening)[n] for n in range(4)]
    both = [one and other for one, other in zip(night, late, strict=True)]
    some = [one or other or day != "missed" for one, other, day in zip(night, late, stays[-4], strict=True)]
    anywhere = [cell._replace(zone=OUTSIDE if cell.zone is None else cell.zone) for cell in cells]
    known = {*presence(events, anywhere, rules), *(second // HOUR for second in seconds)}
    hours = [hour in known for hour in (3, 9, 15, 21)]
    found = [["found" if yes else "missed" for yes in each] for each in (both, some, hours)]
    return [Counter(each) for each in [*stays, *found]]
