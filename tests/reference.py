"""The walk in plain Python, slow and obvious, straight from the definitions; the kernels must agree with it.

A subscriber's day is a list of (second, cell). Cells are dicts: zone (None outside every zone), latitude, longitude.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tasks.mobility.day import WalkRules
from tasks.mobility.home_location import HomeRules

Event = tuple[int, int]
EARTH_RADIUS_M = 6_371_008.8


class Cell(NamedTuple):
    """A cell's zone (None: outside every zone), its place in degrees, and its evidence (None: for its own zone)."""

    zone: int | None
    latitude: float
    longitude: float
    evidence: Mapping[int, int] | None = None
    reach: float = 5_000
    """Metres to the last neighbour."""

    def weights(self) -> Mapping[int, int]:
        """Weights of evidence by zone."""
        own = {} if self.zone is None else {self.zone: 1}
        return own if self.evidence is None else self.evidence


Version = tuple[float, float, int]
"""A cell's version: from, to, and place."""


def place_at(versions: Sequence[Version], time: float) -> int | None:
    """Where a cell stands at a time: as its newest version that has begun says, while that is valid."""
    begun = [version for version in versions if version[0] <= time]
    _, end, place = max(begun, default=(0.0, 0.0, 0))
    return place if begun and time < end else None


def conflicts_and_duplicates(events: Sequence[Event], cells: Sequence[Cell]) -> tuple[list[Event], int, int]:
    """Events kept in time order, rows in conflicting places, and duplicates."""
    kept, conflicting, duplicate = [], 0, 0
    by_second = defaultdict(list)
    for second, cell in events:
        by_second[second].append(cell)
    for second, rows in sorted(by_second.items()):
        if len({cells[cell].zone for cell in rows}) > 1:
            conflicting += len(rows)
            continue
        kept += [(second, cell) for cell in sorted(set(rows))]
        duplicate += len(rows) - len(set(rows))
    return kept, conflicting, duplicate


def distance(a: Cell, b: Cell) -> float:
    """Haversine distance in metres."""
    phi_a, phi_b = math.radians(a.latitude), math.radians(b.latitude)
    half_phi, half_lambda = (phi_b - phi_a) / 2, (math.radians(b.longitude) - math.radians(a.longitude)) / 2
    chord = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


def impossible_speed(
    events: Sequence[Event], cells: Sequence[Cell], speed_m: float, speed_mps: float
) -> tuple[list[Event], int]:
    """Events kept, and how many lay too far from both neighbours; the first and the last are never judged."""

    def too_far(a: Event, b: Event) -> bool:
        metres = distance(cells[a[1]], cells[b[1]])
        return metres > speed_m and metres > speed_mps * (b[0] - a[0])

    inner = range(1, len(events) - 1)
    bad = {n for n in inner if too_far(events[n - 1], events[n]) and too_far(events[n], events[n + 1])}
    return [event for n, event in enumerate(events) if n not in bad], len(bad)


def longest_gap(earlier: int, later: int, rules: WalkRules) -> int:
    """How long a zone may hold between two seconds."""
    at_night = rules.night[(earlier + later) // 2 // 3600]
    return rules.silence.max_gap_night if at_night else rules.silence.max_gap_day


def halves(earlier: int, later: int, rules: WalkRules) -> tuple[int, int]:
    """Until when the earlier of two zones holds, and from when the later one: half of the gap each, up to a limit."""
    after, before = (later - earlier + 1) // 2, (later - earlier) // 2
    return earlier + min(after, rules.silence.max_hold), later - min(before, rules.silence.max_hold)


def from_midnight(first: int, rules: WalkRules) -> int:
    """From when the zone of the day's first event holds."""
    return 0 if first <= longest_gap(0, first, rules) else max(0, first - rules.silence.max_hold)


def to_midnight(last: int, rules: WalkRules) -> int:
    """Until when the zone of the day's last event holds."""
    end = rules.day_seconds
    return end if end - last <= longest_gap(last, end, rules) else min(end, last + rules.silence.max_hold)


def presence(events: Sequence[Event], cells: Sequence[Cell], rules: WalkRules) -> dict[int, int]:
    """The zone of each hour in which the subscriber's place was known: most seconds, ties to the lowest zone."""
    if not events:
        return {}
    held = [(from_midnight(events[0][0], rules), events[0][0], events[0])]
    for one, other in pairwise(events):
        same = cells[one[1]].zone == cells[other[1]].zone
        if same and other[0] - one[0] <= longest_gap(one[0], other[0], rules):
            held.append((one[0], other[0], one))
        else:
            until, since = halves(one[0], other[0], rules)
            held += [(one[0], until, one), (since, other[0], other)]
    held.append((events[-1][0], to_midnight(events[-1][0], rules), events[-1]))
    seconds: Counter[tuple[int, int]] = Counter()
    for begin, end, (_, cell) in held:
        zone = cells[cell].zone
        if zone is not None:
            seconds.update((moment // 3600, zone) for moment in range(begin, end))
    hours = {hour for hour, _ in seconds}
    return {hour: max((s, -zone) for (h, zone), s in seconds.items() if h == hour)[1] * -1 for hour in hours}


class Stay(NamedTuple):
    """A stay in a zone (-1: outside): seconds of its start and end."""

    zone: int
    start: int
    end: int


def votes(run: Sequence[Event]) -> dict[int, int]:
    """How much each cell of a stay counts: the first of those with most events once, another by its digits."""
    events = Counter(cell for _, cell in run)
    usual = max(events, key=lambda cell: events[cell])
    return {cell: 1 if cell == usual else len(f"{number:b}") for cell, number in events.items()}


def in_one_place(one: Sequence[Event], other: Sequence[Event], in_a_row: bool) -> bool:
    """Whether two stays have half of the cells of the one with fewer in common, or more than half if in a row."""
    these, those = ({cell for _, cell in run} for run in (one, other))
    share = Fraction(len(these & those), min(len(these), len(those)))
    return share > Fraction(1, 2) if in_a_row else share >= Fraction(1, 2)


def zone_of_place(number: int, runs: Sequence[Sequence[Event]], cells: Sequence[Cell]) -> int:
    """The zone for which the cells of all runs speak that are in one place with this one; -1 outside."""
    digits = Counter[int]()
    for n, run in enumerate(runs):
        if in_one_place(runs[number], run, in_a_row=abs(n - number) == 1):
            digits.update(votes(run))
    outside = sum(n for cell, n in digits.items() if cells[cell].zone is None)
    weights = Counter[int]()
    for cell, n in digits.items():
        weights.update({zone: n * weight for zone, weight in cells[cell].weights().items()})
    best = min(weights, key=lambda zone: (-weights[zone], zone), default=-1)
    return -1 if 2 * outside > sum(digits.values()) else best


def parts_of(run: list[Event], least: int) -> list[list[Event]]:
    """The run, split at the first moment at which all its cells change and both sides last so long; and so on."""
    for n in range(1, len(run)):
        before, after = run[:n], run[n:]
        long = min(part[-1][0] - part[0][0] for part in (before, after)) >= least
        if long and {cell for _, cell in before}.isdisjoint({cell for _, cell in after}):
            return [before, *parts_of(after, least)]
    return [run]


def stays(events: Sequence[Event], cells: Sequence[Cell], rules: WalkRules) -> list[Stay]:
    """Stays of a subscriber's cleaned events: runs of one zone, joined over ping-pong, that last the minimum dwell.

    A run is split where all its cells change. Moves to neighbours at the ends of the day belong to the next stay.

    Each has the zone of its place; stays of one zone that touch are one.
    """
    limits = rules.stay

    def zone(run: list[Event]) -> int | None:
        return cells[run[0][1]].zone

    def dwell(run: list[Event]) -> int:
        return run[-1][0] - run[0][0]

    def near(move: list[Event], event: Event) -> bool:
        left, back = cells[move[-1][1]], cells[event[1]]
        return dwell(move) < limits.min_dwell and distance(left, back) <= max(left.reach, back.reach)

    def soon(move: list[Event], event: Event) -> bool:
        return all(abs(event[0] - each[0]) <= limits.max_ping_pong and near([each], event) for each in move)

    parts: list[list[Event]] = []
    for event in events:
        previous = parts[-1][-1] if parts else None
        same = previous is not None and zone([previous]) == zone([event])
        if same and previous and event[0] - previous[0] <= longest_gap(previous[0], event[0], rules):
            parts[-1].append(event)
        else:
            parts.append([event])
    runs: list[list[Event]] = []
    for part in parts:
        at = max((n for n, run in enumerate(runs) if zone(run) == zone(part)), default=None)
        back = at is not None and part[0][0] - runs[at][-1][0] <= limits.max_ping_pong
        if at is not None and back and all(near(move, part[0]) for move in runs[at + 1 :]):
            runs[at:] = [[event for run in [*runs[at:], part] for event in run]]
        else:
            runs.append(part)
    runs = [part for run in runs for part in parts_of(run, limits.min_dwell)]
    long = [n for n, run in enumerate(runs) if dwell(run) >= limits.min_dwell]
    places = [runs[n] for n in long]
    if long and all(soon(move, runs[long[-1]][-1]) for move in runs[long[-1] + 1 :]):
        runs[long[-1] :] = [[event for run in runs[long[-1] :] for event in run]]
    if long and all(soon(move, runs[long[0]][0]) for move in runs[: long[0]]):
        runs[: long[0] + 1] = [[event for run in runs[: long[0] + 1] for event in run]]
    found: list[Stay] = []
    numbers = iter(range(len(places)))

    def border(earlier: Event, later: Event) -> tuple[int, int]:
        gap = later[0] - earlier[0]
        if zone([earlier]) == zone([later]) and gap <= longest_gap(earlier[0], later[0], rules):
            return (later[0] - gap // 2,) * 2
        return halves(earlier[0], later[0], rules)

    for earlier, run, later in zip([None, *runs], runs, [*runs[1:], None], strict=False):
        first, last = run[0][0], run[-1][0]
        start = border(earlier[-1], run[0])[1] if earlier else from_midnight(first, rules)
        end = border(run[-1], later[0])[0] if later else to_midnight(last, rules)
        if dwell(run) < limits.min_dwell:
            continue
        stay = Stay(zone_of_place(next(numbers), places, cells), start, end)
        if found and (found[-1].zone, found[-1].end) == (stay.zone, stay.start):
            found[-1] = found[-1]._replace(end=stay.end)
        else:
            found.append(stay)
    return found


def stay_rows(of: Sequence[Stay], day_seconds: int) -> list[tuple[int, ...]]:
    """Stays in zones: zone, start, end, and 1 if it began before plus 2 if it goes on."""
    return [
        (stay.zone, stay.start, stay.end, (stay.start == 0) + 2 * (stay.end == day_seconds))
        for stay in of
        if stay.zone >= 0
    ]


def trips(of: Sequence[Stay]) -> list[tuple[int, ...]]:
    """Origin, destination, and hour in which the stay at the origin ended."""
    return [
        (one.zone, other.zone, one.end // 3600)
        for one, other in pairwise(of)
        if one.zone >= 0 and other.zone >= 0 and one.zone != other.zone
    ]


def month_state(of: Sequence[Stay], rules: WalkRules) -> list[tuple[int, ...]]:
    """Zones with a stay, each with its minutes of night and of work, second by second."""
    spent = {stay.zone: [0, 0] for stay in of if stay.zone >= 0}
    for stay in of:
        for second in range(stay.start, stay.end) if stay.zone >= 0 else ():
            spent[stay.zone][0] += rules.night[second // 3600]
            spent[stay.zone][1] += rules.work[second // 3600]
    return [(zone, night // 60, work // 60) for zone, (night, work) in sorted(spent.items())]


State = tuple[int, int, int]
"""One day of a person in a zone: zone, night minutes, work minutes."""


def homes(states: Sequence[State], district: Sequence[int], rules: HomeRules) -> tuple[int, int, int]:
    """A person's home district, home zone and work zone of a month, -1 where there is none."""
    nights, by_district, works = Counter[int](), Counter[int](), Counter[int]()
    for zone, night, work in states:
        nights[zone] += night
        by_district[district[zone]] += night
        works[zone] += work

    def most(minutes: Mapping[int, int]) -> int:
        return min(minutes, key=lambda place: (-minutes[place], place), default=-1)

    home = most({place: n for place, n in by_district.items() if n >= rules.night_minutes})
    zone = most({place: n for place, n in nights.items() if district[place] == home})
    work = most({place: n for place, n in works.items() if n >= rules.work_minutes and place != zone})
    return home, zone, work


def weighted(counts: Sequence[int], bound: int) -> list[int]:
    """One person's counts in 1/64, with a squared L2 norm of at most `bound`."""
    squares = sum(n * n for n in counts)
    weight = min(64, math.isqrt(4096 * bound // squares)) if squares else 0
    return [n * weight for n in counts]


def form_of(text: str) -> str:
    """The form of a value, sign by sign."""
    signs = ["a" if sign.isalpha() else "9" if sign.isdecimal() else sign for sign in text[:40]]
    return "".join(sign if " " <= sign <= "~" else "?" for sign in signs) + "..." * (len(text) > 40)
