"""A census: residents of every operator are simulated, counted in population.csv, and followed in truth/census/."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.simulate.city import City
from tasks.simulate.clock import Day
from tasks.simulate.files import write_table
from tasks.simulate.itinerary import build_itinerary, move_people, presence
from tasks.simulate.plan import Bools, SimulationPlan
from tasks.simulate.population import AGE_BANDS, GENDERS, HOME_MCC, MINIMUM_AGE, People, build_population
from tasks.simulate.reference_files import MARKET_SHARE, census_source
from tasks.simulate.truth import Truth


@dataclass(frozen=True)
class Census:
    """Persons with other operators live as subscribers do; `truth` is of both, subscribers first."""

    plan: SimulationPlan
    """Of the persons with other operators."""
    others: People
    truth: Truth

    def write_others(self, city: City, parts: int, subscribers: int, number: int, day: Day) -> None:
        """truth/census/ of one day, of the persons with other operators."""
        for part, some in enumerate(self.plan.parts):
            people = self.others.only(some)
            days = build_itinerary(self.plan, city, people, part, number, day)
            zones = presence(city, move_people(city, days), len(people), day)
            self.truth.write_presence(parts + part, subscribers + some.start, zones, day)
            self.truth.write_itineraries(parts + part, subscribers + some.start, city, people, days, day)


def take_census(root: Path, plan: SimulationPlan, city: City, subscribers: People) -> Census:
    """Simulate the others, and count: population.csv, and truth/census/homes.parquet with a row per person."""
    size = round(len(subscribers) * (1 / MARKET_SHARE - 1))
    theirs = replace(plan, subscribers=size, seed=int(plan.rng("census").integers(2**62)))
    others = build_population(theirs, city)
    everyone = with_every_gender(subscribers.and_others(others))
    ids = pa.array([f"P{n:09d}" for n in range(len(everyone))])
    truth = Truth(root / "truth" / "census", ids, pa.array(city.zone_ids))
    counted = residents(plan, city, everyone)
    truth.write_homes(plan, city, everyone, np.where(counted, 0, -1))
    write_table(root / "population.csv", census_table(plan, city, everyone, counted))
    return Census(theirs, others, truth)


def with_every_gender(people: People) -> People:
    """As a census knows them: of those without a gender in the register, half are each."""
    unknown = people.gender == len(GENDERS) - 1
    return replace(people, gender=np.where(unknown, np.arange(len(people)) % 2, people.gender).astype(np.int8))


def residents(plan: SimulationPlan, city: City, people: People) -> Bools:
    """Whom the census counts: persons of 18 years and more, of this country, with a home in the city."""
    of_age = (people.birth_year > 0) & (plan.start.year - people.birth_year >= MINIMUM_AGE)
    return np.asarray(of_age & (people.home_mcc == HOME_MCC) & (city.square_zone[people.home] >= 0))


def census_table(plan: SimulationPlan, city: City, people: People, counted: Bools) -> pa.Table:
    """population.csv: counted persons by zone, age band and gender."""
    number = np.flatnonzero(counted)
    shape = len(city.zone_ids), len(AGE_BANDS), len(GENDERS) - 1
    keys = city.square_zone[people.home[number]], people.bands(plan.start.year)[number], people.gender[number]
    counts = np.bincount(np.ravel_multi_index(keys, shape), minlength=int(np.prod(shape)))
    zone, age, sex = (index.ravel() for index in np.indices(shape))
    return pa.table(
        {
            "zone_id": pa.array(city.zone_ids).take(pa.array(zone)),
            "age_band": pa.array(AGE_BANDS).take(pa.array(age)),
            "gender": pa.array(GENDERS).take(pa.array(sex)),
            "residents": counts,
            **census_source(plan, len(counts)),
        }
    )
