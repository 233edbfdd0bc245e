"""Who knows all other persons guesses from releases whether somebody is in them, and is right as often as charged.

One run tells (T. Steinke et al., NeurIPS 2023): canaries stay in zones of their own, and a fair coin lets each one in.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pytest
import shapely

from tasks.mobility.zones import ZonePlan
from tasks.privacy.accounting import charge
from tasks.privacy.bounds import Contributions, LevelRule, Reals
from tasks.privacy.noise import production_noise
from tasks.privacy.protect import KeyFacts, protect
from tasks.products import catchment, loyalty, visitors
from tasks.products.spec import DataProduct
from tests.unit.products.counting import context

CANARIES, BOUND, SIGMA = 150, 8, Decimal(2)
"""A bound that each canary fills, and so little noise that guesses are worth it."""
IDS = tuple(f"z{number:04}" for number in range(CANARIES * BOUND))
PLAN = ZonePlan(
    zone_ids=IDS,
    names=IDS,
    district=np.zeros(len(IDS), dtype=np.int32),
    districts=("east",),
    district_names=("east",),
    geometries=(shapely.box(0, 0, 1, 1),) * len(IDS),
    area_types=(None,) * len(IDS),
    merged={},
)
LONG = (catchment.PRODUCT, loyalty.PRODUCT, *(part for part in visitors.PRODUCTS if "day" not in part.cadences))


def sums(part: DataProduct, rules: Sequence[LevelRule], inside: np.ndarray) -> Sequence[Contributions]:
    """What the part counts of a week or month in which each canary that is inside stayed in its zones once."""
    (period,) = part.periods(date(2026, 3, 11))
    (table,), (count,) = part.reads, part.counts
    zone = np.flatnonzero(np.repeat(inside, BOUND))
    nothing = dict.fromkeys(["night_minutes", "work_minutes"], np.zeros(len(zone), np.int16))
    rows = pa.table({"pseudonym": (zone // BOUND).astype(np.uint64), "zone": zone.astype(np.int32), **nothing})
    who = {int(canary): (int(canary) % 6, int(canary) % 3) for canary in np.flatnonzero(inside)}
    counted = context(part, period, who, {table.name: [rows]})
    return count(replace(counted, zones=PLAN, rules={rule.name: rule for rule in rules}))


def of_each(values: Reals) -> Reals:
    """A level's values by canary: zones are its first dimension."""
    return values.reshape(CANARIES, -1)


def right_guesses(part: DataProduct, draws: int) -> tuple[int, float]:
    """The number of canaries guessed right from these draws of a period, and the chance that their charge allows."""
    rules = [LevelRule(level.name, SIGMA, BOUND, None) for level in part.levels]
    inside = np.random.default_rng().random(CANARIES) < 0.5
    own = [of_each(each.values / each.unit) for each in sums(part, rules, np.ones(CANARIES, bool))]
    there, ends = sums(part, rules, inside), np.cumsum([each.size for each in own])[:-1]
    score = np.zeros(CANARIES)
    for _ in range(draws):
        released = protect(there, rules, KeyFacts({}), production_noise()).table["value"].to_numpy()
        for seen, alone in zip(np.split(released, ends), own, strict=True):
            score += ((of_each(seen) - alone / 2) * alone).sum(axis=1)
    rho = draws * float(charge(rules, 1).exact)
    return int(((score > 0) == inside).sum()), NormalDist().cdf(math.sqrt(rho / 2))


@pytest.mark.parametrize("draws", [1, 2], ids=["a-release", "and-its-revision"])
def test_weeks_and_months_give_a_person_away_as_often_as_is_charged_and_no_more(draws: int) -> None:
    found = [right_guesses(part, draws) for part in LONG]
    right, expected = sum(number for number, _ in found), CANARIES * sum(chance for _, chance in found)
    deviation = math.sqrt(CANARIES * sum(chance * (1 - chance) for _, chance in found))
    assert abs(right - expected) < 5 * deviation, "more: a promise is broken; less: the attack shows nothing"
