"""Products are found by name, and say which periods and readers they have."""

import dataclasses
import re
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import Misconfigured
from tasks.mobility.tables import MONTH_STATE, PRESENCE
from tasks.period import Cadence, Period
from tasks.privacy.accounting import PrivacyCost, charge
from tasks.products import detection, footfall, gate_profile, panel, registry
from tasks.products.dimensions import ZONE
from tasks.products.spec import OPTED_IN, Audience, DerivedProduct
from tasks.quantity import VISITS
from tests.unit.products.counting import POLICY, context


def test_every_module_with_a_product_is_registered() -> None:
    folder = Path(registry.__file__).parent
    declaring = [
        path.stem for path in sorted(folder.glob("*.py")) if re.search("^PRODUCTS? = ", path.read_text(), re.M)
    ]
    assert sorted({product.name for product in registry.products()}) == declaring
    assert {*registry.products()} - {*registry.published()} == {gate_profile.PRODUCT}
    to_clients = [part for name in registry.for_clients() for part in registry.find(name)]
    assert {*registry.published()} - {*to_clients} == {panel.PRODUCT, detection.PRODUCT}
    assert registry.find("panel") == (registry.product("panel", Cadence.MONTH),) == (panel.PRODUCT,)


def test_each_cadence_of_a_product_has_one_part() -> None:
    weekly = dataclasses.replace(footfall.PRODUCT, cadences=frozenset({Cadence.WEEK}), reads=())
    with registry.registered(weekly):
        assert registry.parts("footfall") == (footfall.PRODUCT, weekly)
        assert registry.product("footfall", Cadence.WEEK) is registry.of_period("footfall", Period.parse("2026-W10"))
        assert registry.for_clients().count("footfall") == 1
    with pytest.raises(KeyError):
        registry.product("footfall", Cadence.WEEK)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cadences": frozenset({Cadence.DAY, Cadence.WEEK})},
        {"cadences": frozenset({Cadence.WEEK}), "version": 9},
        {
            "cadences": frozenset({Cadence.WEEK}),
            "levels": (dataclasses.replace(footfall.ZONE_HOUR, dimensions=(ZONE,)),),
        },
        {"cadences": frozenset({Cadence.WEEK}), "levels": (dataclasses.replace(footfall.ZONE_HOUR, quantity=VISITS),)},
    ],
)
def test_parts_that_do_not_fit_together_are_refused(wrong: dict[str, Any]) -> None:
    with (
        pytest.raises(ValueError, match="footfall"),
        registry.registered(dataclasses.replace(footfall.PRODUCT, reads=(), **wrong)),
    ):
        pass
    assert registry.parts("footfall") == (footfall.PRODUCT,)


def test_the_lake_keeps_the_tables_that_products_read() -> None:
    tables = registry.lake_tables()
    assert {MONTH_STATE, PRESENCE} <= {*tables} == {table for product in registry.drawn() for table in product.reads}
    assert [table.name for table in tables] == sorted({table.name for table in tables})


def test_a_derived_product_has_no_rules_and_so_no_charge() -> None:
    weekly = DerivedProduct(
        name="weekly",
        version=1,
        cadences=frozenset({Cadence.WEEK}),
        levels=footfall.PRODUCT.levels,
        audience=Audience.CLIENTS,
        population=OPTED_IN,
        inputs=lambda week: [("footfall", Period.day(day)) for day in week.days],
        derive=lambda public, releases: {},
    )
    with registry.registered(weekly):
        assert weekly.name not in [each.name for each in registry.drawn()]
        assert {"footfall", "weekly"} <= {*registry.for_clients()}
        assert charge(weekly.rules(POLICY, Cadence.WEEK, 168), 2) == PrivacyCost(0, Fraction(0))


@pytest.mark.parametrize("name", ["footfal", "gate_profile", "xyz"])
def test_a_product_that_is_not_published_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        registry.find(name)
    assert refused.value.code == "product.unknown"


def test_a_product_for_the_operator_is_not_delivered() -> None:
    registry.check_for_clients(footfall.PRODUCT)
    with pytest.raises(Misconfigured) as refused:
        registry.check_for_clients(panel.PRODUCT)
    assert refused.value.code == "product.internal"


def test_a_period_of_another_length_is_refused() -> None:
    assert registry.of_period("panel", Period.parse("2026-03")) is panel.PRODUCT
    with pytest.raises(Misconfigured) as refused:
        registry.of_period("footfall", Period.parse("2026-03"))
    assert refused.value.code == "product.cadence"


def test_a_product_has_a_period_for_each_of_its_cadences() -> None:
    both = dataclasses.replace(panel.PRODUCT, cadences=frozenset({Cadence.MONTH, Cadence.WEEK}), reads=())
    assert [str(period) for period in both.periods(date(2026, 3, 1))] == ["2026-W09", "2026-03"]


def test_a_product_reads_a_table_of_each_of_its_cadences() -> None:
    with pytest.raises(ValueError, match="panel"):
        dataclasses.replace(panel.PRODUCT, cadences=frozenset({Cadence.MONTH, Cadence.WEEK}))


def test_a_product_is_registered_for_a_block_and_under_one_name() -> None:
    more = dataclasses.replace(footfall.PRODUCT, name="more")
    with registry.registered(more):
        assert registry.version_of("more") == footfall.PRODUCT.version
        assert {"footfall", "more"} <= {*registry.for_clients()}
        with pytest.raises(ValueError, match="more"), registry.registered(more):
            pass
    assert registry.version_of("more") is None


def test_the_gate_profile_has_one_level_whose_key_is_an_hour_or_a_reason() -> None:
    (rule,) = gate_profile.PRODUCT.rules(POLICY, Cadence.DAY, 24)
    public = context(gate_profile.PRODUCT, Period.day(date(2026, 3, 2)), {}, {})
    (rows,) = gate_profile.PRODUCT.levels
    assert (rule.name, rule.threshold) == ("rows", None)
    assert rows.keys(public)["entry"].to_pylist()[:2] == ["hour_00", "hour_01"]


def test_a_period_of_another_length_is_refused_with_an_example() -> None:
    with pytest.raises(Misconfigured) as refused:
        registry.of_period("catchment", Period.parse("2026-03-02"))
    assert refused.value.code == "product.cadence"
    assert "2026-03" in refused.value.action


def test_a_level_is_additive_over_its_own_dimensions_alone() -> None:
    with pytest.raises(ValueError, match="zone_hour"):
        dataclasses.replace(footfall.ZONE_HOUR, additive=frozenset({"weather"}))


def test_a_product_that_the_policy_leaves_out_is_refused() -> None:
    registry.check_made(footfall.PRODUCT, {"dwell"})
    with pytest.raises(Misconfigured) as refused:
        registry.check_made(footfall.PRODUCT, {"dwell", "footfall"})
    assert refused.value.code == "product.left_out"
