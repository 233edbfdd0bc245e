"""Dwell: how long visits last, by zone and by the part of the day in which they begin."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tasks.mobility.day import FROM_BEFORE, GOES_ON, HOUR
from tasks.mobility.tables import STAYS
from tasks.period import Cadence, Period, day_hours
from tasks.privacy.bounds import Contributions, Integers, Reals
from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import WITHHELD_SMALL, KeyStatuses
from tasks.products.dimensions import DAY_PART, DAY_PARTS, ZONE, day_parts
from tasks.products.histogram import Estimate, Histogram, likely_shares
from tasks.products.spec import (
    OPTED_IN,
    Audience,
    CountContext,
    DataProduct,
    DerivedProduct,
    Dimension,
    Level,
    PublicContext,
)
from tasks.products.statuses import key_statuses, least_shown
from tasks.products.sums import summed, with_small
from tasks.quantity import MINUTES, VISITS, Split

EDGES = (0, 5, 15, 30, 60, 120, 240, 480)
"""Lower edges of the bins, in minutes; the last one ends with the day."""
BINS = (*(f"{low}-{high}" for low, high in itertools.pairwise(EDGES)), f"{EDGES[-1]}+", "overnight")
OVERNIGHT = len(EDGES)
QUANTILES = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}
MEANS = ("mean", "mean_at_least", "mean_at_most")
OPEN_CENTRE = 600.0
"""Minutes that a visit of the last bin counts in a mean: most are working days. Measured on simulated cities."""
ALL = "all"
MOST_SPAN = 2.0
"""The widest interval of a statistic that is shown, as a multiple of the statistic."""

DWELL_BIN = Dimension(
    "dwell_bin",
    pa.string(),
    "How long the visit lasted, in minutes: from the first number to below the second. "
    "A visit that midnight cuts is `overnight`.",
    lambda public: BINS,
    split=Split.LENGTH,
)
STATISTIC = Dimension(
    "statistic",
    pa.string(),
    "The dwell time below which a quarter, half or three quarters of the visits end; the mean; and the mean if every "
    "visit took the least or the most of its bin.",
    lambda public: (*QUANTILES, *MEANS),
)
ANY_PART = replace(
    DAY_PART,
    meaning=f"{DAY_PART.meaning.removesuffix('.')}; `{ALL}`: the whole day.",
    values=lambda public: (ALL, *DAY_PART.values(public)),
    split=None,
)

ZONE_DWELL = Level(
    "zone_dwell",
    "Visits by the part of the day in which they began and by how long they lasted. A visit counts on the day and in "
    "the part in which it began. Of a person with very many visits, each counts for less.",
    (ZONE, DAY_PART, DWELL_BIN),
    additive=frozenset({"zone_id", "day_part", "dwell_bin"}),
    reading="began in",
    quantity=VISITS,
    share_within=("zone_id", "day_part"),
)
DWELL_TIME = Level(
    "dwell_time",
    "How long visits lasted that did not go on overnight, in minutes.",
    (ZONE, ANY_PART, STATISTIC),
    quantity=MINUTES,
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count each person's visits that began on the day, weighted where a person has very many."""
    counter, (_, parts, bins) = context.weighted_counter(ZONE_DWELL), ZONE_DWELL.shape(context)
    part_of = day_parts(context)
    for rows in context.rows(STAYS):
        began = rows.filter(pa.array(rows["overnight"].to_numpy() & FROM_BEFORE == 0))
        zone, part = began["zone"].to_numpy().astype(np.int64), part_of[began["start"].to_numpy() // HOUR]
        counter.add(began["pseudonym"].to_numpy(), (zone * parts + part) * bins + dwell_bins(began))
    return (counter.contributions(),)


def dwell_bins(stays: pa.Table) -> Integers:
    """The bin of each stay that began on the day."""
    seconds = stays["end"].to_numpy() - stays["start"].to_numpy()
    timed = np.searchsorted(60 * np.array(EDGES[1:]), seconds, side="right")
    return np.where(stays["overnight"].to_numpy() & GOES_ON > 0, OVERNIGHT, timed).astype(np.int64)


def statuses(context: CountContext) -> Mapping[str, KeyStatuses]:
    """Those of zones and parts of the day."""
    return {ZONE_DWELL.name: key_statuses(context, ZONE_DWELL)}


def summarise(context: CountContext, drawn: Mapping[str, Measured]) -> Mapping[str, DerivedLevel]:
    """Dwell times of the day; the whole day bears the hours that any product of a day bears to be missing."""
    of_day = key_statuses(context, replace(DWELL_TIME, dimensions=(ZONE,)))
    return {DWELL_TIME.name: dwell_times(context, drawn[ZONE_DWELL.name], key_statuses(context, ZONE_DWELL), of_day)}


def derive(public: PublicContext, releases: Sequence[StoredRelease]) -> Mapping[str, DerivedLevel]:
    """The week's visits as sums of its days, and dwell times of the sums."""
    visits, of_keys, _ = summed(releases, ZONE_DWELL, public, len(public.period.days))
    of_all = [
        (name, np.asarray(mask.any(axis=(1, 2)))) for name, mask in of_keys
    ]  # of a part without numbers, none can be added
    return {
        ZONE_DWELL.name: with_small(ZONE_DWELL, public, visits, of_keys),
        DWELL_TIME.name: dwell_times(public, visits, of_keys, of_all),
    }


def dwell_times(public: PublicContext, visits: Measured, of_keys: KeyStatuses, of_all: KeyStatuses) -> DerivedLevel:
    """Quartiles and means of the visits that are not overnight; `of_all`: statuses of each zone's whole day."""
    values, variances = _timed(visits.values), _timed(visits.variances)
    few = values.sum(axis=2) < least_shown(variances.sum(axis=2))
    public_ones = [
        (name, np.broadcast_to(np.column_stack([whole, mask[..., 0]])[..., None], DWELL_TIME.shape(public)))
        for (name, mask), (_, whole) in zip(of_keys, of_all, strict=True)
    ]
    values[np.any([mask[..., 0] for _, mask in public_ones], axis=0)] = np.nan
    of_parts = [
        statistics(likely_shares(values[:, part], variances[:, part]), ends) for part, ends in enumerate(edges(public))
    ]
    value, se, low, high = np.array(of_parts).transpose(2, 3, 0, 1)
    vague = few[..., None] | ~(high - low <= MOST_SPAN * value)
    return DerivedLevel(Measured(value, se**2), [*public_ones, (WITHHELD_SMALL, vague)], (low, high))


def statistics(visits: Reals, ends: Reals) -> list[Estimate]:
    """Each statistic of each row; `visits`: likely shares of bins, `ends`: edges of the bins.

    For quartiles, visits spread evenly over log(1 + minutes) inside a bin; for the mean, each counts its bin's middle,
    in the last bin `OPEN_CENTRE`; for its bounds, its bin's lower or upper edge.
    """
    possible = np.where(np.diff(ends) > 0, visits, 0.0)
    scaled, straight = Histogram(possible, np.log1p(ends)), Histogram(possible, ends)
    quartiles = [scaled.quantile(share).on(np.expm1) for share in QUANTILES.values()]
    centres = (ends[:-1] + ends[1:]) / 2
    centres[-1] = min(centres[-1], OPEN_CENTRE)
    return [*quartiles, *(straight.mean(at) for at in (centres, ends[:-1], ends[1:]))]


def edges(public: PublicContext) -> Reals:
    """The edges of the bins, of the whole day and its parts: no visit lasts beyond the day's end."""
    longest = max(24, *(len(day_hours(day, public.timezone)) for day in public.period.days))
    left = 60.0 * (longest - np.array([0, *DAY_PARTS.values()]))
    return np.asarray(np.minimum([*EDGES, np.inf], left[:, None]))


def _timed(numbers: Reals) -> Reals:
    """Numbers by zone, part of the day and bin, the whole day before its parts; without overnight visits."""
    with_day = np.concatenate([numbers.sum(axis=1, keepdims=True), numbers], axis=1)
    return np.asarray(with_day[..., :OVERNIGHT])


DAILY = DataProduct(
    name="dwell",
    version=1,
    cadences=frozenset({Cadence.DAY}),
    levels=(ZONE_DWELL,),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(STAYS,),
    counts=(count,),
    statuses=statuses,
    summaries=(DWELL_TIME,),
    summarise=summarise,
)
WEEKLY = DerivedProduct(
    name="dwell",
    version=1,
    cadences=frozenset({Cadence.WEEK}),
    levels=(ZONE_DWELL, DWELL_TIME),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    inputs=lambda week: [("dwell", Period.day(day)) for day in week.days],
    derive=derive,
)
PRODUCTS = (DAILY, WEEKLY)
