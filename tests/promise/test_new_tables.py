"""A product that reads a new lake table draws no release of noise from days that were ingested before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import RefusedRelease, StepFailed
from tasks.mobility.tables import MONTH_STATE, PRESENCE
from tasks.policy_file import shipped
from tasks.privacy.bounds import Contributions
from tasks.products import footfall, panel
from tasks.products.registry import registered
from tasks.products.spec import CountContext
from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
LATER = replace(footfall.PRODUCT, name="later", reads=(replace(PRESENCE, name="later_table"),))


def test_a_day_without_the_table_is_refused_before_a_charge(way: Way, tmp_path: Path) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    text, policy = shipped().read_text(), tmp_path / "policy.toml"
    numbers = "sigma = 320\nbound = 24\nthreshold = 960"
    policy.write_text(text + "".join(f"[product.later.day.{level.name}]\n{numbers}\n" for level in LATER.levels))
    spent = way.stores().ledger.months()[0].spent
    with registered(LATER), pytest.raises(RefusedRelease) as refused:
        way.publish("later", str(DAY), policy=policy)
    assert refused.value.code == "release.no_table"
    assert way.stores().ledger.months()[0].spent == spent
    assert way.publish("footfall", str(DAY)).outcome == "Published"


def test_rows_under_the_pseudonyms_of_other_periods_are_not_counted(way: Way, tmp_path: Path) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    text, policy = shipped().read_text(), tmp_path / "policy.toml"
    policy.write_text(text + text[text.index("[product.panel") : text.index("[product.gate")].replace("panel", "other"))
    wrong = replace(panel.PRODUCT, name="other", reads=(MONTH_STATE, PRESENCE), counts=(_daily_rows,))
    with registered(wrong), pytest.raises(StepFailed) as refused:
        way.publish("other", "2026-03", policy=policy)
    assert refused.value.code == "privacy.defect"


@pytest.mark.parametrize("column", ["member", "day"])
def test_a_table_cannot_have_a_column_that_a_count_adds(column: str) -> None:
    with pytest.raises(ValueError, match=column):
        replace(PRESENCE, name="taken", schema=PRESENCE.schema.append(pa.field(column, pa.int32())))


def _daily_rows(context: CountContext) -> Sequence[Contributions]:
    raise AssertionError(list(context.rows(PRESENCE)))
