"""Random small histories over a month's border, and one person in each whose month is then removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hypothesis import strategies as st

from tasks.events.packed_key import REASON_SECOND
from tasks.events.reasons import READ_REASONS
from tasks.period import day_hours
from tests.unit.products.counting import ZONE

PERSONS, SUBURBS = 4, 40
NEAR = 5
CELLS = NEAR + SUBURBS
"""Two in zone a, one each in b and c, one outside all zones; then one in each suburb: all within the speed limit."""
DAYS = [date(2026, 10, day) for day in (24, 25, 28, 31)] + [date(2026, 11, day) for day in (1, 2)]
"""An ordinary day, the long day, two days of a week over a month's border, its other side, and the week after."""


@dataclass(frozen=True)
class Event:
    person: int
    day: date
    second: int
    cell: int


@dataclass(frozen=True)
class Consent:
    """Consent and attributes during the month of the day: from before it on, or given again at a second of the day."""

    person: int
    day: date
    demographic: int
    again: int | None = None


History = Sequence[Event | Consent]


@dataclass(frozen=True)
class Case:
    """A history, and a person and a day in it."""

    history: History
    person: int
    day: date


def hours(day: date) -> int:
    return len(day_hours(day, ZONE))


cells = st.one_of(st.integers(0, 1), st.integers(0, NEAR - 1), st.integers(0, CELLS - 1))
persons, days = st.integers(0, PERSONS - 1), st.sampled_from(DAYS)
again = st.one_of(st.none(), st.none(), st.integers(0, 80_000))
consents = st.builds(Consent, persons, days, st.integers(0, 17), again)


def single(person: int, day: date) -> st.SearchStrategy[Event]:
    """A usable event, or one that is set aside for a reason."""
    good = st.builds(Event, st.just(person), st.just(day), st.integers(0, 90_000 - 1), cells)
    reasons = st.integers(0, len(READ_REASONS) - 1)
    return st.one_of(good, good, good, st.builds(Event, st.just(person), st.just(day), st.just(REASON_SECOND), reasons))


def shuttle(person: int, day: date, cells: Sequence[int], dwell: int, times: int) -> list[Event]:
    """Stays in one place after the other, some too short, up to a hundred on a day."""
    return [
        Event(person, day, second, cells[trip % len(cells)])
        for trip in range(times)
        for second in (trip * (dwell + 60), trip * (dwell + 60) + dwell)
    ]


def regular(person: int, on: Sequence[date], cell: int, start: int, dwell: int) -> list[Event]:
    """Stays of any length at the same time of several days, some of them over midnight."""
    return [Event(person, day, second, cell) for day in on for second in (start, start + dwell // 2, start + dwell)]


def tour(person: int, on: Sequence[date], first: int, zones: int, dwell: int) -> list[Event]:
    """Stays in one suburb after the other, the same on each day: in many more than the bounds let count in full."""
    return [
        Event(person, day, 60 + number * (dwell + 60) + second, NEAR + (first + number) % SUBURBS)
        for day in on
        for number in range(zones)
        for second in (0, dwell)
    ]


def activity(person: int, day: date) -> st.SearchStrategy[list[Event]]:
    """What a person does on a day, or alike on several days that it is one of."""
    who, whole = st.just(person), st.lists(days, unique=True).map(lambda more: sorted({day, *more}))
    return st.one_of(
        st.lists(single(person, day), max_size=40),
        st.builds(lambda event, times: [event] * times, single(person, day), st.integers(1, 400)),
        st.builds(
            shuttle,
            who,
            st.just(day),
            st.lists(cells, min_size=2, max_size=5),
            st.integers(500, 4_000),
            st.integers(1, 100),
        ),
        st.builds(regular, who, whole, cells, st.integers(0, 80_000), st.integers(500, 40_000)),
        st.builds(tour, who, whole, st.integers(0, SUBURBS - 1), st.integers(1, SUBURBS), st.integers(600, 2_000)),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """The person consents in the month of the day, and does something on it: else little would move."""
    person, day = draw(persons), draw(days)
    done = [event for _ in range(draw(st.integers(1, 3))) for event in draw(activity(person, day))]
    for _ in range(draw(st.integers(0, 4))):
        done += draw(activity(draw(persons), draw(st.one_of(st.just(day), days))))
    inside = [e for e in done if e.second == REASON_SECOND or e.second < 3600 * hours(e.day)]
    often = [Consent(other, day, other) for other in range(PERSONS) if other != person and draw(st.booleans())]
    own = Consent(person, day, draw(st.integers(0, 17)), draw(again))
    given = {(c.person, c.day.month): c for c in [*often, *draw(st.lists(consents, max_size=8)), own]}
    return Case([*inside, *given.values()], person, day)
