"""Days away: half of the people spend some nights in the country around, once in two months."""

from dataclasses import dataclass, replace

import numpy as np

from tasks.simulate.city import OUTSIDE, City
from tasks.simulate.plan import HOUR, Bools, Ints, SimulationPlan
from tasks.simulate.population import DEVICE, OUTSIDE_COMMUTER, ROAMER, People
from tasks.simulate.schedule import Outing

TRAVELLERS = 0.5
CYCLE = 60
"""Days from one absence of a person to the next."""
MOST_NIGHTS = 14


@dataclass(frozen=True)
class Absence:
    """Of one day: persons who leave, who are away all day, and who return; where they are, and when they set out."""

    leaves: Bools
    away: Bools
    returns: Bools
    place: Ints
    at: Ints

    def change(self, activities: list[Outing]) -> list[Outing]:
        """The day's activities, of which a person who leaves has only the last: to be away."""
        *others, last = (replace(outing, on=outing.on & ~self.leaves) for outing in activities)
        place, start = np.where(self.leaves, self.place, last.place), np.where(self.leaves, self.at, last.start)
        end = np.where(self.leaves, 48 * HOUR, last.end)
        return [*others, Outing(last.on | self.leaves, place, start, end)]


def absence(plan: SimulationPlan, city: City, people: People, part: int, day: int) -> Absence:
    """The absences of one part's people on a day: a function of the seed and the day alone."""
    rng, size = plan.rng("absence", part), len(people)
    travels = (rng.random(size) < TRAVELLERS * (not plan.closed)) & ~np.isin(
        people.kind, [DEVICE, ROAMER, OUTSIDE_COMMUTER]
    )
    place = rng.choice(np.flatnonzero(city.square_zone == OUTSIDE).astype(np.int32), size)
    nights = np.minimum(rng.geometric(0.25, size), MOST_NIGHTS)
    turn = (day + rng.integers(0, CYCLE, size)) % CYCLE
    at = (rng.uniform(8, 19, size) * HOUR).astype(np.int32)
    return Absence(travels & (turn == 0), travels & (turn > 0) & (turn < nights), travels & (turn == nights), place, at)
