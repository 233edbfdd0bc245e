"""The main gate: remove one subscriber's month, and no product's vector moves further than is charged, exactly.

Random small histories over a month's border go through the kernels and the products' own counting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache, partial

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import policy_file
from tasks.count_context import countable
from tasks.events.packed_key import pack
from tasks.mobility.day import PROFILE_UNIT, CellArrays, walk_rules
from tasks.mobility.evidence import ServedAreas, evidence
from tasks.mobility.home_location import HomeRules
from tasks.mobility.tables import LakeTable
from tasks.mobility.walk import Walked, walk_partition
from tasks.mobility.zones import ZonePlan
from tasks.period import Cadence, Period, day_start
from tasks.privacy.bounds import UNIT, Contributions
from tasks.privacy.measured import Measured
from tasks.products import dwell, footfall, gate_profile, origin_destination, registry, visitors
from tasks.products.spec import CountContext, DataProduct
from tests.promise.histories import (
    DAYS,
    PERSONS,
    SUBURBS,
    Case,
    Consent,
    Event,
    History,
    cases,
    hours,
    tour,
)
from tests.promise.sensitivity import assert_bounded, squared_distance
from tests.unit.products.counting import SLOT_POLICY

POLICY = policy_file.load().policy
ZONES = 3 + SUBURBS
IDS = ("a", "b", "c", *(f"s{number:02}" for number in range(SUBURBS)))
PLAN = ZonePlan(
    zone_ids=IDS,
    names=IDS,
    district=np.array([0, 0, 1] + [1] * SUBURBS, dtype=np.int32),
    districts=("east", "west"),
    district_names=("east", "west"),
    geometries=(shapely.box(0, 0, 1, 1),) * ZONES,
    area_types=(None,) * ZONES,
    merged={},
)
ZONE = np.array([0, 0, 1, 2, -1, *range(3, ZONES)], dtype=np.int32)
PLACES = CellArrays(
    zone=ZONE,
    latitude=np.radians(np.array([50.0, 50.01, 50.3, 51.0, 50.0] + [50.5] * SUBURBS)),
    longitude=np.radians(np.array([8.0, 8.01, 8.3, 9.0, 12.0, *(8.5 + 0.085 * np.arange(SUBURBS))])),
    x=np.array([0.0, 1e3, 3e4, 9e4, 4e5, *(5e4 + 6e3 * np.arange(SUBURBS))]),
    y=np.array([0.0, 1e3, 3e4, 9e4, 0.0] + [5e4] * SUBURBS),
    evidence=evidence(
        ZONE, ServedAreas(np.array([0, 0, 2, 2, 3]), np.array([0, 1, 0, 1, 0]), np.array([3.0, 4, 2, 1, 1]))
    ),
    reach=np.full(len(ZONE), 5e3),
)


def since(consent: Consent, period: Period) -> int:
    """The second of the period in which the consent begins: 0 if earlier."""
    begin = day_start(consent.day, POLICY.time.local) - day_start(period.first, POLICY.time.local)
    return 0 if consent.again is None else max(0, int(begin.total_seconds()) + consent.again)


def eligible(history: History, period: Period) -> pa.Table:
    consents = [r for r in history if isinstance(r, Consent) and f"{r.day:%Y-%m}" in period.months]
    members = {r.person: r.demographic for r in consents if since(r, period) < 3600 * sum(map(hours, period.days))}
    people = sorted(members)
    return pa.table(
        {
            "pseudonym": np.array(people, dtype=np.uint64),
            "age_band": np.array([members[p] // 3 for p in people], dtype=np.int8),
            "gender": np.array([members[p] % 3 for p in people], dtype=np.int8),
            "since": np.array([min(since(r, period) for r in consents if r.person == p) for p in people], np.int32),
        }
    )


def walked(history: History, day: date) -> Walked:
    """The day's walk of those who consent in its month; before a consent given again, an earlier one stood."""
    panel_members = {r.person for r in history if isinstance(r, Consent) and f"{r.day:%Y-%m}" == f"{day:%Y-%m}"}
    rows = [r for r in history if isinstance(r, Event) and r.day == day and r.person in panel_members]
    columns = [np.array([getattr(r, name) for r in rows], dtype=np.int64) for name in ("person", "second", "cell")]
    return walked_keys(day, pack(*columns).tobytes())


@lru_cache(maxsize=64)
def walked_keys(day: date, keys: bytes) -> Walked:
    """One walk for all products."""
    copied = np.frombuffer(keys, np.int64).copy()
    return walk_partition(copied, PLACES, walk_rules(POLICY, day, 16384), registry.lake_tables())


def by_pseudonym(table: pa.Table) -> pa.Table:
    ids = table["subscriber"].to_numpy().astype(np.uint64)
    return table.drop_columns("subscriber").add_column(0, "pseudonym", pa.array(ids))


def counted(product: DataProduct, history: History, period: Period) -> Sequence[Contributions]:
    """What the product counts of the period's days in one bucket."""
    who, parts = eligible(history, period), [(day, walked(history, day)) for day in DAYS if day in period.days]

    def rows(table: LakeTable) -> Iterator[pa.Table]:
        made = [countable(by_pseudonym(of.tables[table]), who, period, day, POLICY.time.local) for day, of in parts]
        yield pa.concat_tables(made).sort_by([("pseudonym", "ascending"), ("day", "ascending")])

    policy = SLOT_POLICY if product is footfall.SLOTS else POLICY
    rules = {rule.name: rule for rule in product.rules(policy, period.cadence, sum(map(hours, period.days)))}
    nothing = np.zeros(0, dtype=bool)
    context = CountContext(
        period,
        PLAN,
        POLICY.time.local,
        who,
        rules,
        rows,
        covered=lambda day: nothing,
        incomplete=lambda day: nothing,
        ingested=tuple(day for day in DAYS if day in period.days),
        home=HomeRules(60, 60),
    )
    found: list[Contributions] = []
    for count in product.counts:
        found += count(replace(context, drawn={sums.level: arbitrary(sums) for sums in found}))
    return found


def arbitrary(sums: Contributions) -> Measured:
    """Noisy values of an earlier stage, whatever was counted: a later stage keeps its bound for any of them."""
    random = np.random.default_rng(sums.values.size)
    return Measured(random.uniform(-50, 400, sums.values.shape), np.ones(sums.values.shape))


COUNTED = [made for part in registry.drawn() for made in (part, part.alternative) if made and made.counts]
"""Every product that counts rows of the lake; another one is checked once it is registered."""


def footfall_of(history: History, day: date) -> Sequence[Contributions]:
    return counted(footfall.PRODUCT, history, Period.day(day))


def profile_of(history: History, day: date) -> Sequence[Contributions]:
    (rule,) = gate_profile.PRODUCT.rules(POLICY, Cadence.DAY, hours(day))
    return [Contributions(rule.name, walked(history, day).profile, rule.bound, PROFILE_UNIT)]


@settings(max_examples=120, deadline=None)
@given(cases())
def test_no_product_moves_by_more_than_it_is_charged(case: Case) -> None:
    for product in COUNTED:
        for period in product.periods(case.day):
            assert_bounded(partial(counted, product, period=period), case.history, case.person, period)
    assert_bounded(partial(profile_of, day=case.day), case.history, case.person, Period.day(case.day))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_what_a_person_adds_to_a_product_depends_on_nobody_else(case: Case) -> None:
    """Exact: a bound with room to spare would hide that one person moves another one's numbers."""
    own = [record for record in case.history if record.person == case.person]
    others = [record for record in case.history if record.person != case.person]
    counts = [partial(counted, product, period=product.periods(case.day)[0]) for product in COUNTED]
    for of in (*counts, partial(profile_of, day=case.day)):
        for together, alone, rest in zip(of(case.history), of(own), of(others), strict=True):
            assert np.array_equal(together.values, alone.values + rest.values), together.level


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 80_000))
def test_nothing_that_a_person_did_before_a_consent_given_again_moves_a_product(case: Case, again: int) -> None:
    events = [r for r in case.history if isinstance(r, Event)]
    covered = [r for r in events if r.person != case.person or (r.day, r.second) >= (case.day, again)]
    consents = [Consent(person, case.day, 0, again if person == case.person else None) for person in range(PERSONS)]
    for product in COUNTED:
        (period,) = product.periods(case.day)
        pairs = zip(*(counted(product, [*some, *consents], period) for some in (events, covered)), strict=True)
        assert all(squared_distance(*pair) == 0 for pair in pairs), product.part


def test_somebody_seen_every_hour_reaches_the_bound_of_the_long_day() -> None:
    day = date(2026, 10, 25)
    history: History = [Consent(0, day, 0), *(Event(0, day, 3600 * hour, hour % 2 * 2) for hour in range(25))]
    for with_them, without_them in zip(footfall_of(history, day), footfall_of([], day), strict=True):
        assert ((with_them.values - without_them.values) ** 2).sum() == 25 == with_them.bound


def test_a_very_busy_person_fills_the_profile_s_bound_and_no_more() -> None:
    day = DAYS[0]
    history: History = [Consent(0, day, 0), *(Event(0, day, second, 0) for second in range(0, 80_000, 4))]
    (profile,) = profile_of(history, day)
    squared = int((profile.values.astype(object) ** 2).sum())
    bound = 64**2 * profile.bound
    assert bound / 4 < squared <= bound  # the weight is a whole number of sixty-fourths, rounded down


TO_AND_FRO: History = [
    Consent(0, DAYS[0], 0),
    *(Event(0, DAYS[0], 1200 * trip + second, trip % 2 * 2) for trip in range(72) for second in (60, 1100)),
]
"""All day between two zones of one district, twenty minutes in each."""


def test_somebody_who_goes_to_and_fro_all_day_fills_the_bound_of_visits_and_no_more() -> None:
    persons_of, visits = counted(visitors.DAY, TO_AND_FRO, Period.day(DAYS[0]))
    assert persons_of.values[:3].tolist() == [UNIT, UNIT, 0], "two zones are far from the bound"
    squared = int((visits.values**2).sum())
    assert UNIT**2 * visits.bound / 4 < squared <= UNIT**2 * visits.bound


@pytest.mark.parametrize("part", visitors.PRODUCTS, ids=[each.part for each in visitors.PRODUCTS])
def test_somebody_in_very_many_zones_fills_the_bounds_of_visitors_and_no_more(part: DataProduct) -> None:
    history: History = [Consent(0, DAYS[0], 0), *tour(0, DAYS[:2], 0, SUBURBS, 1_000)]
    for sums in counted(part, history, part.periods(DAYS[0])[0]):
        assert np.count_nonzero(sums.values) == SUBURBS
        squared = int((sums.values**2).sum())
        assert UNIT**2 * sums.bound / 4 < squared <= UNIT**2 * sums.bound


def test_somebody_with_visits_all_day_fills_the_bound_of_dwell_and_no_more() -> None:
    (visits,) = counted(dwell.DAILY, TO_AND_FRO, Period.day(DAYS[0]))
    assert np.count_nonzero(visits.values) > 10, "in two zones, five parts of the day, and overnight"
    squared = int((visits.values**2).sum())
    assert UNIT**2 * visits.bound / 4 < squared <= UNIT**2 * visits.bound


def test_somebody_who_goes_to_and_fro_all_day_fills_the_bounds_of_trips_and_no_more() -> None:
    by_district, by_zone = counted(origin_destination.DAILY, TO_AND_FRO, Period.day(DAYS[0]))
    assert by_district.values[0, 0].all(), "trips at all parts of the day, within one district"
    assert np.count_nonzero(by_zone.values) == 2, "there and back"
    for trips in (by_district, by_zone):
        squared = int((trips.values**2).sum())
        assert UNIT**2 * trips.bound / 4 < squared <= UNIT**2 * trips.bound


@pytest.mark.parametrize("product", COUNTED, ids=[each.part for each in COUNTED])
def test_a_person_without_consent_moves_nothing(product: DataProduct) -> None:
    day = DAYS[0]
    events = [Event(0, day, 600 * n + timedelta(minutes=1).seconds, n // 72 * 2) for n in range(144)]
    (period,) = product.periods(day)[:1]
    assert all(not contributions.values.any() for contributions in counted(product, events, period))
    assert any(sums.values.any() for sums in counted(product, [*events, Consent(0, day, 0)], period))


def test_a_row_without_consent_moves_no_profile() -> None:
    assert not profile_of([Event(0, DAYS[0], 60, 0)], DAYS[0])[0].values.any()
