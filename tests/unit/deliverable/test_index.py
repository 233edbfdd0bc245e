"""By its index a client's bucket tells the ledger that delivers there from every other one."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from tasks.deliverable.index import IndexEntry, PeriodState, check_ledger, index
from tasks.deliverable.paths import DeliveryPath
from tasks.errors import RefusedDelivery
from tasks.period import Period
from tests.refusals import refused

HEADS = tuple(64 * digit for digit in "0123")
MADE, FOREIGN = 64 * "a", 64 * "b"
WHERE = "s3://nordmarkt-insights/throng"


def path(day: int) -> str:
    return DeliveryPath("footfall", 2, Period.day(date(2026, 3, day)), 1).folder


def written(ledger: str, *manifests: str | None) -> bytes:
    """An index of days from 1 March, each with the digest of its manifest, or late."""
    entries: Sequence[IndexEntry] = [
        IndexEntry(
            "footfall",
            2,
            Period.day(date(2026, 3, place)),
            PeriodState.DELIVERED if manifest else PeriodState.LATE,
            "Delivered.",
            datetime(2026, 3, 9, tzinfo=UTC),
            *((path(place), manifest) if manifest else ()),
        )
        for place, manifest in enumerate(manifests, 1)
    ]
    return index("nordmarkt", entries, ledger)


def without_ledger(*manifests: str) -> bytes:
    document = json.loads(written(HEADS[0], *manifests))
    del document["ledger"]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "content",
    [written(HEADS[0]), written(HEADS[3], MADE, None), written(HEADS[1], MADE), without_ledger(MADE)],
    ids=["before the first delivery", "after the last one", "older than the last one", "without a ledger"],
)
def test_what_this_ledger_has_written_is_its_own(content: bytes) -> None:
    check_ledger(content, WHERE, HEADS, {MADE})


@pytest.mark.parametrize(
    "content",
    [written(HEADS[3], MADE, FOREIGN), written(FOREIGN, MADE), written(FOREIGN), without_ledger(FOREIGN), b"{", b"[]"],
    ids=["a foreign delivery", "a foreign chain", "nothing yet", "no ledger", "cut", "another shape"],
)
def test_what_another_ledger_has_written_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedDelivery):
        check_ledger(content, WHERE, HEADS, {MADE})


def test_the_period_that_another_ledger_has_delivered_is_named() -> None:
    with refused("index.other_installation"):
        check_ledger(written(HEADS[3], MADE, FOREIGN), WHERE, HEADS, {MADE})
