"""The gate on a deliverable: each thing that must hold is checked, and named when it does not."""

from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.deliverable.gate import check_delivery, checks
from tasks.deliverable.grant import Granted
from tasks.deliverable.serialisation import as_text
from tests.plain_validator import plain
from tests.refusals import refused
from tests.unit.deliverable.factories import grant_view, levels, release_view, rendered

RELEASE = release_view()
GOOD = rendered(RELEASE)


FINE = RELEASE.tables[0]
DATA = GOOD.tables["zone_hour"]


def replaced(name: str, values: Any) -> pa.Table:
    return DATA.set_column(DATA.column_names.index(name), name, values)


def test_a_rendered_delivery_is_fit() -> None:
    assert all(verdict.status == "passed" for verdict in check_delivery(RELEASE, GOOD.places, GOOD.tables))
    one_zone = rendered(RELEASE, grant=grant_view("Z01"))
    check_delivery(RELEASE, one_zone.places, one_zone.tables)


VALUE = DATA["persons"]
UNFIT = {
    "every key has one row": pa.concat_tables([DATA.slice(1), DATA.slice(5, 1)]),
    "every granted key has a row": DATA.slice(1),
    "status has known values only": replaced("status", pc.replace_substring(DATA["status"], "estimate", "fine")),
    "persons_low is at most persons": replaced("persons_low", pc.add(VALUE, 1)),
    "persons is at most persons_high": replaced("persons_high", pc.subtract(VALUE, 1)),
    "se is filled where the status is estimate": replaced("se", pa.nulls(DATA.num_rows, pa.float64())),
    "persons is empty where the status is not estimate": replaced("persons", pc.fill_null(VALUE, 500)),
    "zone_hour shows nothing below 96": replaced("persons", pc.multiply(VALUE, 0)),
}


@pytest.mark.parametrize("check", UNFIT)
def test_each_fault_of_the_rows_is_found_by_its_own_check(check: str) -> None:
    verdicts = plain(as_text(UNFIT[check]), list(checks(RELEASE, FINE, GOOD.places)))
    assert check in [verdict.check for verdict in verdicts if verdict.status == "failed"]


def test_an_hour_or_a_zone_that_is_missing_is_named() -> None:
    shifted = release_view(levels=levels(date(2026, 3, 3)))
    with refused("delivery.gate_failed") as refusal:
        check_delivery(shifted, GOOD.places, GOOD.tables, plain)
    assert "zone_hour has every hour_utc" in refusal.value.what
    fine, coarse = RELEASE.levels
    zones = replace(fine.dimensions[0], values=("Z01", "Z02", "Z03", "Z05"))
    other = release_view(levels=(replace(fine, dimensions=(zones, *fine.dimensions[1:])), coarse))
    with refused("delivery.gate_failed") as refusal:
        check_delivery(other, Granted(("Z01", "Z02", "Z03", "Z05"), GOOD.places.districts), GOOD.tables, plain)
    assert "zone_hour has every zone_id" in refusal.value.what
