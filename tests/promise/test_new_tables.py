"""A product that reads a new lake table draws no release of noise from days that were ingested before."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import RefusedRelease
from tasks.mobility.tables import PRESENCE
from tasks.policy_file import shipped
from tasks.products import footfall
from tasks.products.registry import registered
from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
LATER = replace(footfall.PRODUCT, name="later", reads=(replace(PRESENCE, name="later_table"),))


def test_a_day_without_the_table_is_refused_before_a_charge(way: Way, tmp_path: Path) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    text, policy = shipped().read_text(), tmp_path / "policy.toml"
    levels = text[text.index("[product.footfall") : text.index("[product.panel")]
    policy.write_text(text + levels.replace("product.footfall", "product.later"))
    spent = way.stores().ledger.months()[0].spent
    with registered(LATER), pytest.raises(RefusedRelease) as refused:
        way.publish("later", str(DAY), policy=policy)
    assert refused.value.code == "release.no_table"
    assert way.stores().ledger.months()[0].spent == spent
    assert way.publish("footfall", str(DAY)).outcome == "Published"
