"""Consents: valid, withdrawn, given again, without proof, or for another purpose."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.simulate.city import OUTSIDE, City
from tasks.simulate.clock import instants
from tasks.simulate.plan import Bools, Floats, SimulationPlan
from tasks.simulate.population import CONSUMER, HOME_MCC, People

Epochs = NDArray[np.int64]
DAY = 86_400
PURPOSE = "insights"
CHANNELS = ("app", "web", "shop", "hotline")
BAND_LEAN = np.array([-0.08, 0.05, 0.05, 0.02, -0.02, -0.06])
GENDER_LEAN = np.array([-0.02, 0.02, 0.0, -0.05])
"""How age bands and genders lean towards opting in, in shares at an even opt-in."""
BIAS_BANDS = np.array([0.6, 0.45, 0.15, -0.1, -0.35, -0.75])
BIAS_GENDERS = np.array([-0.25, 0.25, 0.0, -0.4])
BIAS_AREAS = np.array([-0.1, 0.25, 0.15, 0.2, -0.2, -0.3, 0.1])
BIAS_ACROSS = 0.55
"""How age bands, genders, area types of homes and a smooth gradient over the city lean at full bias, in logits."""


@dataclass(frozen=True)
class Consents:
    """The consents file, and what follows from it once the last simulated day is over."""

    subscriber: NDArray[np.int64]
    purpose: list[str]
    granted: Epochs
    withdrawn: Epochs
    """0 = not withdrawn."""
    proven: tuple[Bools, Bools]
    """Whether the row has a channel, and a text version."""
    active_from: Epochs
    """[subscriber] when the number came to its present owner, 0 = always his."""
    counts_from: Epochs
    """[subscriber] start of a valid, proven consent, -1 = none."""

    def table(self, ids: pa.Array) -> pa.Table:
        """consents.*, in the order of the subscribers."""
        order = np.argsort(self.subscriber, kind="stable")
        number = self.subscriber[order]
        channel = pa.array(number % len(CHANNELS), mask=~self.proven[0][order])
        columns: dict[str, Any] = {
            "subscriber_id": ids.take(pa.array(number)),
            "purpose": pa.array(self.purpose).take(pa.array(order)),
            "granted_at": instants(self.granted[order]),
            "withdrawn_at": instants(self.withdrawn[order], self.withdrawn[order] == 0),
            "channel": pa.array(CHANNELS).take(channel),
            "text_version": pa.array(["v1", "v2"]).take(pa.array(number % 2, mask=~self.proven[1][order])),
        }
        return pa.table(columns)


def collect_consents(plan: SimulationPlan, city: City, people: People) -> Consents:
    """Ask every subscriber; the answers lean by age band, gender and home around the plan's share."""
    rng, size = plan.rng("consents"), len(people)
    first, span = int(plan.first.timestamp()), int((plan.end - plan.first).total_seconds())
    standing = rng.random(size) < _shares(plan, city, people)
    lot, late = rng.random(size), rng.random(size) < 0.01
    granted = first - rng.integers(30 * DAY, 900 * DAY, size)
    granted = np.where(standing & late, first + rng.integers(0, span, size), granted)
    moved = (rng.random(size) < 0.01) & ~late & (people.segment == CONSUMER) & (people.home_mcc == HOME_MCC)
    active_from = np.where(moved, first - rng.integers(5 * DAY, 25 * DAY, size), 0)
    again, asked_anew = standing & (lot < 0.04), standing & moved & (lot > 0.5)
    before, during = ~standing & (lot < 0.1), ~standing & (lot >= 0.1) & (lot < 0.13)
    unproven = ~standing & (lot >= 0.13) & (lot < 0.17)
    ended = granted + rng.integers(DAY, 29 * DAY, size)
    yes, never = np.ones(size, bool), np.zeros(size, np.int64)
    rows = [
        (standing | unproven, PURPOSE, granted, never, ~unproven | (lot < 0.15), ~unproven | (lot >= 0.15)),
        (before, PURPOSE, granted, ended, yes, yes),
        (during, PURPOSE, granted, first + rng.integers(0, span, size), yes, yes),
        (again, PURPOSE, first - 950 * DAY - ended % DAY, first - 910 * DAY + ended % DAY, yes, yes),
        (asked_anew, PURPOSE, active_from + DAY, never, yes, yes),
        (rng.random(size) < 0.15, "marketing", granted, never, yes, yes),
    ]
    counts_from = np.where(asked_anew, active_from + DAY, np.where(standing & ~moved, granted, -1))
    return _collect(rows, active_from, counts_from)


def _collect(rows: list[Any], active_from: Epochs, counts_from: Epochs) -> Consents:
    """Rows of those who gave each answer: (who, purpose, granted, withdrawn, has a channel, has a text version)."""
    picked = [np.flatnonzero(row[0]) for row in rows]
    columns = [np.concatenate([row[n][at] for row, at in zip(rows, picked, strict=True)]) for n in (2, 3, 4, 5)]
    purpose = [row[1] for row, at in zip(rows, picked, strict=True) for _ in range(len(at))]
    granted, withdrawn, channel, text = columns
    return Consents(np.concatenate(picked), purpose, granted, withdrawn, (channel, text), active_from, counts_from)


def _shares(plan: SimulationPlan, city: City, people: People) -> Floats:
    lean = BAND_LEAN[people.bands(plan.start.year)] + GENDER_LEAN[people.gender]
    even = 4 * plan.opt_in * (1 - plan.opt_in)
    shares = np.asarray(np.clip(plan.opt_in + even * (lean - lean.mean()), 0, 1))
    return _biased(plan, city, people, shares) if plan.opt_in_bias and even else shares


def _biased(plan: SimulationPlan, city: City, people: People, shares: Floats) -> Floats:
    """Shares of the same mean that depend on age band, gender and home as well."""
    bands, genders = BIAS_BANDS[people.bands(plan.start.year)], BIAS_GENDERS[people.gender]
    lean = plan.opt_in_bias * (bands + genders + _lean_of_homes(plan, city, people))
    odds = np.log(shares.clip(0.01, 0.99)) - np.log1p(-shares.clip(0.01, 0.99)) + lean
    low, high = -10.0, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-odds - middle))).mean() < plan.opt_in else (low, middle)
    return np.asarray(1 / (1 + np.exp(-odds - low)))


def _lean_of_homes(plan: SimulationPlan, city: City, people: People) -> Floats:
    """[person] by the area type of the home's zone, and by how far the home lies in one direction."""
    angle = plan.rng("opt_in_bias").uniform(0, 2 * np.pi)
    across = city.metres(people.home) @ [np.cos(angle), np.sin(angle)] / np.abs(city.tiling.rings).max()
    zone = city.square_zone[people.home]
    area = np.where(zone == OUTSIDE, 0, BIAS_AREAS[city.area_type[zone]])
    return np.asarray(area + BIAS_ACROSS * np.clip(1.5 * across, -1, 1))
