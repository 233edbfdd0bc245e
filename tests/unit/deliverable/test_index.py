"""By its index a client's bucket tells the ledger that delivers there from every other one."""

from datetime import UTC, date, datetime

import pytest

from tasks.deliverable.index import Cause, IndexDelivery, IndexPeriod, check_ledger, index_facts, issue, own_sequence
from tasks.deliverable.paths import DeliveryPath
from tasks.deliverable.signature import public_key
from tasks.deliverable.verifier.signatures import key_id
from tasks.errors import RefusedDelivery
from tasks.period import Period
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY

HEADS = tuple(64 * digit for digit in "0123")
MADE, FOREIGN = 64 * "a", 64 * "b"
AT = datetime(2026, 3, 9, tzinfo=UTC)
WHERE = "s3://nordmarkt-insights/throng"


def written(ledger: str, *manifests: str | None) -> bytes:
    """An index of days from 1 March, each with the digest of its manifest, or late."""
    of = {Period.day(date(2026, 3, place)): manifest for place, manifest in enumerate(manifests, 1)}
    periods = [
        IndexPeriod("footfall", 3, period, None if manifest else Cause.NOT_SENT, AT, *_where(period, manifest))
        for period, manifest in of.items()
    ]
    deliveries = [
        IndexDelivery("footfall", 3, period, 1, 1, "current", "first", AT, 7, 9, "zones", *_where(period, manifest))
        for period, manifest in of.items()
        if manifest
    ]
    return issue(index_facts("nordmarkt", periods, deliveries, {}, ledger), 1, None, AT, SIGNING_KEY)


def _where(period: Period, manifest: str | None) -> tuple[str, ...]:
    return (DeliveryPath("footfall", 3, period, 1).folder, manifest) if manifest else ()


@pytest.mark.parametrize(
    "content",
    [written(HEADS[0]), written(HEADS[3], MADE, None), written(HEADS[1], MADE)],
    ids=["before the first delivery", "after the last one", "older than the last one"],
)
def test_what_this_ledger_has_written_is_its_own(content: bytes) -> None:
    check_ledger(content, "nordmarkt", WHERE, HEADS, {MADE})


@pytest.mark.parametrize(
    "content",
    [written(HEADS[3], MADE, FOREIGN), written(FOREIGN, MADE), written(FOREIGN), b"{", b"[]"],
    ids=["a foreign delivery", "a foreign chain", "nothing yet", "cut", "another shape"],
)
def test_what_another_ledger_has_written_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedDelivery):
        check_ledger(content, "nordmarkt", WHERE, HEADS, {MADE})


def test_the_period_that_another_ledger_has_delivered_is_named() -> None:
    with refused("index.other_installation"):
        check_ledger(written(HEADS[3], MADE, FOREIGN), "nordmarkt", WHERE, HEADS, {MADE})


def test_the_index_of_another_client_of_this_ledger_is_refused() -> None:
    with refused("index.folder_shared"):
        check_ledger(written(HEADS[3], MADE), "stadtlicht", WHERE, HEADS, {MADE})


def test_a_sequence_counts_only_in_an_index_of_this_client_that_a_key_of_ours_signed() -> None:
    content, public = written(HEADS[0], MADE), public_key(SIGNING_KEY)
    own = {key_id(public): public}
    assert own_sequence(content, "nordmarkt", own) == 1
    assert own_sequence(content, "stadtlicht", own) == 0
    assert own_sequence(content, "nordmarkt", {}) == 0
    assert own_sequence(content.replace(b'"sequence": 1', b'"sequence": 9'), "nordmarkt", own) == 0
    assert own_sequence(b"{", "nordmarkt", own) == 0
