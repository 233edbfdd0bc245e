"""A quote says what a release would cost and how exact it would be, and changes nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.period import Cadence, Period
from tasks.privacy.bounds import Contributions
from tasks.privacy.noise import production_noise
from tasks.privacy.protect import KeyFacts, protect
from tasks.products import footfall, registry
from tasks.products.spec import DerivedProduct
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey, ReservationFacts

DAY = "2026-03-01"
WEEK = "2026-W09"
"""In February and March."""


@pytest.fixture
def stores(home: Path) -> Stores:
    return open_stores()


def _quoted(product: str, period: str) -> dict[str, Any]:
    ran = CliRunner().invoke(app, ["quote", product, period, "--json"])
    assert ran.exit_code == 0, ran.output
    text = CliRunner().invoke(app, ["quote", product, period])
    assert text.exit_code == 0
    assert ("noise alone" in text.output) == ("docs/explanation/accuracy-people.md" in text.output)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_before_the_first_charge_the_whole_cap_is_left(stores: Stores) -> None:
    (month,) = _quoted("footfall", DAY)["months"]
    cost = 24 / 2 * (1 / 32**2 + 1 / 64**2)
    assert (month["month"], month["left"]) == ("2026-03", 1.0)
    assert month["rho"] == pytest.approx(cost, abs=1e-11)
    assert 31 * cost < month["scheduled"] < 1
    assert stores.ledger.months() == []


def test_a_drawn_release_is_named_and_its_charge_is_no_longer_left(stores: Stores) -> None:
    key = ReleaseKey("footfall", footfall.PRODUCT.version, DAY, 1)
    entry = AuditEntry("me", "reserved", str(key))
    facts = ReservationFacts("3/256", datetime(2026, 3, 2, 6, tzinfo=UTC), "d" * 64, "plan", {DAY: 1})
    stores.ledger.reserve(key, {"2026-03": 3 * 10**11}, 10**12, facts, entry)
    assert _quoted("footfall", DAY)["release"] is None, "reserved is not drawn"
    stores.ledger.intend_draw(key, entry)
    stores.ledger.stage(key, "abc", entry)
    stores.ledger.publish(key, entry)
    found = _quoted("footfall", DAY)
    assert found["release"] == str(key)
    assert found["months"][0]["left"] == pytest.approx(0.7)


def test_the_quoted_error_and_share_are_those_of_the_draw(stores: Stores) -> None:
    of_size = {each["true_number"]: each for each in _quoted("footfall", DAY)["errors"] if each["level"] == "zone_hour"}
    (rule, _) = footfall.PRODUCT.rules(stores.policy.policy, Cadence.DAY, 24)
    truth = np.full(20_000, 100)
    drawn = protect([Contributions(rule.name, truth, rule.bound)], [rule], KeyFacts({}), production_noise()).table
    off = abs(drawn["value"].to_numpy() - 100) / 100
    assert np.median(off) == pytest.approx(of_size[100]["median_error"], rel=0.05)
    assert np.mean(off < of_size[100]["interval_half"] / 100) == pytest.approx(0.9, abs=0.01)
    small = np.mean(drawn["value"].to_numpy() < float(rule.threshold or 0))
    assert small == pytest.approx(of_size[100]["withheld"], abs=0.02)
    assert of_size[10_000]["withheld"] == 0
    assert "noise alone, on the panel's number" in CliRunner().invoke(app, ["quote", "footfall", DAY]).output


def test_what_is_derived_costs_nothing(stores: Stores) -> None:
    weekly = DerivedProduct(
        **{name: getattr(footfall.PRODUCT, name) for name in ("name", "version", "levels", "audience", "population")},
        cadences=frozenset({Cadence.WEEK}),
        inputs=lambda week: [("footfall", Period.day(day)) for day in week.days],
        derive=lambda public, releases: {},
    )
    with registry.registered(weekly):
        found = _quoted("footfall", WEEK)
    assert (found["months"], found["errors"]) == ([], [])
    assert found["computed"] == [level.name for level in footfall.PRODUCT.levels]


@pytest.mark.parametrize(("product", "period"), [("foot", DAY), ("footfall", "2026-03"), ("panel", "x")])
def test_what_cannot_be_quoted_is_a_usage_error(stores: Stores, product: str, period: str) -> None:
    assert CliRunner().invoke(app, ["quote", product, period]).exit_code == 2
