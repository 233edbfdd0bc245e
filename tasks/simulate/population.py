"""Who lives, works and stays in the city, and with what kind of contract and phone."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.simulate.city import LIVE, OFFICE, OUTSIDE, SHOP, SHOPPING, WORK, City
from tasks.simulate.clock import instants
from tasks.simulate.plan import Bools, Floats, Ints, SimulationPlan

KINDS = ("worker", "at_home", "student", "night_worker", "outside_commuter", "roamer", "device")
WORKER, AT_HOME, STUDENT, NIGHT_WORKER, OUTSIDE_COMMUTER, ROAMER, DEVICE = range(len(KINDS))
KIND_SHARES = np.array([0.47, 0.21, 0.13, 0.04, 0.06, 0.05, 0.04])
KIND_RATES = np.array([1.12, 1.0, 1.32, 1.12, 1.12, 0.8, 0.4])
"""Events of a phone beside the plan's rate, by kind."""
AGES = ((19, 67), (58, 93), (6, 27), (20, 63), (19, 67), (18, 76), (0, 1))
GENDERS = ("f", "m", "x", None)
SEGMENTS = ("consumer", "business", "iot")
CONSUMER, BUSINESS, IOT = range(len(SEGMENTS))
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
HOME_MCC = 262
FOREIGN_MCC = np.array([204, 208, 222, 228, 232, 234, 260])
FAVOURITE_SHARES = np.array([0.4, 0.25, 0.15, 0.12, 0.08])
"""How visits to favourite places are spread over them."""
MINIMUM_AGE = 18
"""As in the shipped policy: counted only if the difference of years is greater."""


@dataclass(frozen=True)
class People:
    """All subscribers by number. Places are squares of the ground; `rate` is a usual day's number of events."""

    kind: NDArray[np.int8]
    home: Ints
    work: Ints
    favourites: Ints
    """[person, rank] shops and places of leisure, the most visited first."""
    outgoing: Floats
    """How often a person goes out or shops, beside others."""
    rate: Floats
    silent: Floats
    """How likely the phone sends nothing for a whole day."""
    off_at_night: Bools
    birth_year: Ints
    """0 = unknown."""
    gender: NDArray[np.int8]
    segment: NDArray[np.int8]
    home_mcc: Ints
    number: NDArray[np.int64]
    """The SIM's IMSI."""

    def __len__(self) -> int:
        return len(self.kind)

    def only(self, some: slice) -> "People":
        """These subscribers."""
        return People(**{field.name: getattr(self, field.name)[some] for field in fields(self)})

    def ids(self, plan: SimulationPlan) -> pa.Array:
        """Subscriber ids as text: the IMSI, or in the eurostat format 32 hex digits derived from it."""
        if plan.format != "eurostat":
            return pa.array(self.number).cast(pa.string())
        digits = self.hashed().tobytes().hex()
        return pa.array([digits[n : n + 32] for n in range(0, len(digits), 32)])

    def hashed(self) -> NDArray[np.uint64]:
        """[subscriber, 2] sixteen bytes that stand for the IMSI (the finaliser of SplitMix64, a bijection, twice)."""
        words = np.stack([self.number, self.number + 2**62], axis=1).astype(np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
        return words

    def bands(self, year: int) -> NDArray[np.int8]:
        """Age band in a year, by number; of an unknown birth year, the first."""
        age = year - np.where(self.birth_year > 0, self.birth_year, year)
        return np.asarray(np.clip((age - 15) // 10, 0, 5), np.int8)

    def eligible(self, year: int) -> Bools:
        """Of age, private and of this country: may be counted with consent."""
        of_age = (self.birth_year > 0) & (year - self.birth_year > MINIMUM_AGE)
        return np.asarray(of_age & (self.segment == CONSUMER) & (self.home_mcc == HOME_MCC))

    def and_others(self, others: "People") -> "People":
        """These persons, then others."""
        mine, theirs = vars(self), vars(others)
        return People(**{name: np.concatenate([mine[name], theirs[name]]) for name in mine})


def build_population(plan: SimulationPlan, city: City) -> People:
    """Give every subscriber a kind, places, habits and a contract."""
    rng, size = plan.rng("people"), plan.subscribers
    kind = rng.choice(len(KINDS), size, p=KIND_SHARES).astype(np.int8)
    if plan.closed:
        kind[kind == OUTSIDE_COMMUTER] = WORKER
    home = _homes(city, kind, rng)
    foreign = kind == ROAMER
    home_mcc = np.where(foreign, rng.choice(FOREIGN_MCC, size), HOME_MCC).astype(np.int32)
    return People(
        kind,
        home=home,
        work=_drawn_near(city, WORK, home, rng),
        favourites=_favourites(plan, city, home, rng),
        outgoing=plan.rng("outgoing").lognormal(-0.25, 0.7, size),
        rate=plan.rate * KIND_RATES[kind] * rng.lognormal(0, np.where(kind == DEVICE, 0.2, 0.75)),
        silent=np.where(rng.random(size) < 0.02, 1.0, rng.beta(0.3, 9, size)),
        off_at_night=(rng.random(size) < 0.08) & (kind != DEVICE),
        birth_year=_birth_years(plan, kind, rng),
        gender=rng.choice(4, size, p=[0.485, 0.485, 0.01, 0.02]).astype(np.int8),
        segment=_segments(kind, rng),
        home_mcc=home_mcc,
        number=_numbers(plan, home_mcc),
    )


def subscribers_table(plan: SimulationPlan, people: People, active_from: NDArray[np.int64]) -> pa.Table:
    """subscribers.*: birth year and gender may be empty; `active_from` (epoch seconds, 0 = empty)."""
    columns: dict[str, Any] = {
        "subscriber_id": people.ids(plan),
        "birth_year": pa.array(people.birth_year, mask=people.birth_year == 0),
        "gender": pa.array(GENDERS).take(pa.array(people.gender)),
        "segment": pa.array(SEGMENTS).take(pa.array(people.segment)),
        "home_mcc": people.home_mcc,
        "active_from": instants(active_from, active_from == 0),
    }
    return pa.table(columns)


def _homes(city: City, kind: NDArray[np.int8], rng: np.random.Generator) -> Ints:
    """Residents by where homes are, roamers in hotels downtown, outside commuters in the country around."""
    hotel = np.zeros(len(LIVE))
    hotel[[OFFICE, SHOPPING]] = 1
    country = np.flatnonzero(city.square_zone == OUTSIDE).astype(np.int32)
    homes = np.where(kind == ROAMER, city.drawn_to(hotel, len(kind), rng), city.drawn_to(LIVE, len(kind), rng))
    return np.where(kind == OUTSIDE_COMMUTER, rng.choice(country, len(kind)), homes).astype(np.int32)


def _favourites(plan: SimulationPlan, city: City, home: Ints, rng: np.random.Generator) -> Ints:
    """The first place by the stream of all habits, the others by their own, so that a seed keeps its people."""
    streams = [rng, *[plan.rng("favourites")] * (len(FAVOURITE_SHARES) - 1)]
    return np.stack([_drawn_near(city, SHOP, home, each) for each in streams], axis=1)


def _drawn_near(city: City, pull: Floats, home: Ints, rng: np.random.Generator) -> Ints:
    """Of two places, mostly the one nearer to home."""
    options = city.drawn_to(pull, len(home), rng), city.drawn_to(pull, len(home), rng)
    here = city.metres(home)
    first, second = (np.square(city.metres(option) - here).sum(axis=1) for option in options)
    nearer = np.where(first <= second, *options)
    return np.where(rng.random(len(home)) < 0.75, nearer, options[0]).astype(np.int32)


def _birth_years(plan: SimulationPlan, kind: NDArray[np.int8], rng: np.random.Generator) -> Ints:
    youngest, oldest = np.array(AGES)[kind].T
    years = plan.start.year - rng.integers(youngest, oldest)
    unknown = (rng.random(len(kind)) < 0.01) | (kind == DEVICE)
    return np.where(unknown, 0, years).astype(np.int32)


def _segments(kind: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int8]:
    business = np.isin(kind, [WORKER, OUTSIDE_COMMUTER]) & (rng.random(len(kind)) < 0.1)
    return np.where(kind == DEVICE, IOT, np.where(business, BUSINESS, CONSUMER)).astype(np.int8)


def _numbers(plan: SimulationPlan, home_mcc: Ints) -> NDArray[np.int64]:
    """IMSIs: country, network, and ten digits in no order (a factor prime to 10 permutes them)."""
    network = np.where(home_mcc == HOME_MCC, 3, 1)
    digits = (np.arange(plan.subscribers, dtype=np.int64) * 736_878_703 + plan.seed % 10**10) % 10**10
    return (home_mcc.astype(np.int64) * 100 + network) * 10**10 + digits
