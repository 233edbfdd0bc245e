"""Who knows all other persons guesses from a day's releases together who is in them, and is right as often as charged.

Each canary fills every bound of the day: in zones and a district of its own, and by windows of its own.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from tasks.mobility.windows import BITS, TIMES, WINDOWS
from tasks.mobility.zones import ZonePlan
from tasks.period import Cadence, Period
from tasks.privacy.accounting import charge
from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.measured import Measured
from tasks.privacy.noise import production_noise
from tasks.products import detection, dwell, footfall, origin_destination, registry, visitors
from tasks.products.draw import counted
from tasks.products.shared_sums import flat_keys
from tasks.products.spec import CountContext, DataProduct, Mask
from tests.unit.products.counting import POLICY, context

CANARIES, BOUND, DRAWS = len(detection.SHOWN), 8, 25
CROWD = 30
"""Persons of each district who travel as its canary does, so that its trips are counted by zones too."""
LESS = 8
"""By how much the noise is smaller than the policy's: one day then tells more than a month may."""
DAY = Period.day(date(2026, 3, 3))
VISITS = replace(dwell.DAILY, summaries=(), summarise=lambda context, drawn: {})
"""Without dwell times, which are computed from noisy numbers."""
PARTS = (footfall.PRODUCT, visitors.DAY, VISITS, origin_destination.DAILY, detection.PRODUCT)
ZONES, DISTRICTS = (tuple(f"{kind}{n:03}" for n in range(many)) for kind, many in (("z", 96), ("d", CANARIES)))
PLAN = ZonePlan(
    zone_ids=ZONES,
    names=ZONES,
    district=np.repeat(np.arange(CANARIES, dtype=np.int32), BOUND),
    districts=DISTRICTS,
    district_names=DISTRICTS,
    geometries=(shapely.box(0, 0, 1, 1),) * len(ZONES),
    area_types=(None,) * len(ZONES),
    merged={},
)


def tables(canaries: Integers, crowd: bool) -> Mapping[str, list[pa.Table]]:
    """The lake's rows of a day: a zone in all hours, stays in eight zones, and four trips to and fro."""
    travel = np.concatenate([canaries, np.arange(CANARIES, CANARIES * (1 + CROWD))]) if crowd else canaries
    home, to = np.repeat(travel % CANARIES * BOUND, 4), np.tile([1, 0, 1, 0], len(travel))
    begin = np.tile(np.array([1, 4, 7, 9, 11, 14, 16, 20], np.int32) * 3600, len(canaries))
    made = {
        "presence": (
            canaries,
            24,
            {"hour": np.tile(np.arange(24), len(canaries)), "zone": canaries.repeat(24) * BOUND},
        ),
        "stays": (
            canaries,
            BOUND,
            {
                "zone": (canaries[:, None] * BOUND + np.arange(BOUND)).ravel(),
                "start": begin,
                "end": begin + 3_000,
                "overnight": np.zeros(len(begin), np.int8),
            },
        ),
        "trips": (
            travel,
            4,
            {"origin": home + 1 - to, "destination": home + to, "departure": np.tile([7, 8, 16, 17], len(travel))},
        ),
        "detection": (canaries, 1, dict.fromkeys(WINDOWS, TIMES << BITS * canaries)),
    }
    return {
        name: [pa.table({"pseudonym": who.repeat(each).astype(np.uint64), **columns})]
        for name, (who, each, columns) in made.items()
    }


def facts(part: DataProduct, canaries: Integers, crowd: bool = True) -> CountContext:
    """What the part counts from if these canaries take part."""
    persons = [*canaries.tolist(), *range(CANARIES, CANARIES * (1 + CROWD))]
    who = {person: (person % 6, person % 3) for person in persons}
    made = context(part, DAY, who, tables(canaries, crowd))
    rules = {rule.name: replace(rule, sigma=rule.sigma / LESS) for rule in part.rules(POLICY, Cadence.DAY, 24)}
    covered = np.ones((len(ZONES), 24), np.bool_)
    return replace(made, zones=PLAN, rules=rules, covered=lambda day: covered)


def exact(part: DataProduct, canaries: Integers, crowd: bool = True) -> Mapping[str, Reals]:
    """The part's sums over all keys, in persons: every pair of zones is taken for chosen."""
    found, drawn = dict[str, Reals](), dict[str, Measured]()
    for count in part.counts:
        for sums in count(replace(facts(part, canaries, crowd), drawn=drawn)):
            shape = next(level for level in part.levels if level.name == sums.level).shape(facts(part, canaries))
            whole = np.zeros(math.prod(shape))
            whole[slice(None) if sums.chosen is None else sums.chosen] = sums.values.ravel() / sums.unit
            found[sums.level] = whole
            drawn[sums.level] = Measured(np.full(shape, 1e9), np.ones(shape))
    return found


def released(part: DataProduct, inside: Integers) -> Mapping[str, tuple[Integers, Reals]]:
    """Flat keys and noisy numbers of each level of a release."""
    made, found = facts(part, inside), dict[str, tuple[Integers, Reals]]()
    table = counted(part, made, production_noise())().table
    for level in part.levels:
        rows = table.filter(pc.equal(table["level"], level.name))
        unbiased = pc.coalesce(rows["unbiased"], rows["value"]) if "unbiased" in table.column_names else rows["value"]
        found[level.name] = flat_keys(made, level, rows), unbiased.to_numpy()
    return found


def likelihoods(part: DataProduct, inside: Mask) -> Reals:
    """[draw, canary] logarithms: how much likelier a release is with the canary than without, all others known."""
    canaries = np.flatnonzero(inside)
    mean, rules = exact(part, canaries), facts(part, canaries).rules
    each = [exact(part, np.array([canary]), crowd=False) for canary in range(CANARIES)]
    scores = np.zeros((DRAWS, CANARIES))
    for score in scores:
        for level, (keys, seen) in released(part, canaries).items():
            alone = np.array([of[level][keys] for of in each])
            squared = np.square(alone).sum(axis=1)
            assert np.all(squared == rules[level].bound), "each canary fills the bound"
            score += (alone @ (seen - mean[level][keys]) + (inside - 0.5) * squared) / float(rules[level].sigma) ** 2
    return scores


def test_a_day_s_releases_together_give_a_person_away_as_often_as_is_charged_and_no_more() -> None:
    inside = np.random.default_rng().random(CANARIES) < 0.5
    scores = np.sum([likelihoods(part, inside) for part in PARTS], axis=0)
    rho = sum(float(charge(list(facts(part, np.arange(0)).rules.values()), 1).exact) for part in PARTS)
    right, chance = int(((scores > 0) == inside).sum()), NormalDist().cdf(math.sqrt(rho / 2))
    deviation = math.sqrt(chance * (1 - chance) * scores.size)
    assert abs(right - chance * scores.size) < 5 * deviation, (
        "more: a promise is broken; less: the attack shows nothing"
    )


def test_every_product_of_a_day_is_attacked() -> None:
    assert {part.part for part in PARTS} == {
        part.part for part in registry.drawn() if part.counts and "day" in part.cadences
    }
