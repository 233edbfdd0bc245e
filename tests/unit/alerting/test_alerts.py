"""Somebody is told of what is late, failed, odd, short or about to be lost; of what goes well, nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.alerting.events import group_by_cause
from tasks.alerts import Alert
from tasks.errors import RejectedInput
from tasks.retention import EXPIRY
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey, ReservationFacts
from tests.unit.alerting.conftest import FIRST, NOON, Books, days_on

pytestmark = pytest.mark.usefixtures("few_products")

MORNING = NOON - timedelta(days=1, hours=4)
"""8:00 in Berlin on 3 March: 2 March is closed and due by 9:00, nothing else is."""

WARNING = {"severity": "warning", "value": 0.2, "limit": 0.1, "message": "Two hours are empty.", "action": "Ask them."}


def test_of_what_goes_well_nobody_is_told(books: Books) -> None:
    books.land()
    assert books.kinds(MORNING) == []
    books.ingest()
    books.publish()
    books.deliver()
    assert books.kinds(MORNING + timedelta(hours=3)) == []


def test_a_promise_that_was_missed_is_told_by_client_and_period(books: Books) -> None:
    books.land()
    (alert,) = books.told(MORNING + timedelta(hours=3))
    assert (alert.kind, alert.subject) == ("delivery_late", "nordmarkt footfall 2026-03-02")
    assert "Promised by 2026-03-03 09:00" in alert.what
    assert "throng daily" in alert.action


def test_a_day_that_did_not_arrive_is_the_operators_to_send(books: Books) -> None:
    books.land()
    told = {alert.kind: alert for alert in books.told() if "2026-03-03" in alert.subject}
    assert "date=2026-03-03 is missing" in told["landing_overdue"].what
    assert "operator" in told["landing_overdue"].action
    assert "delivery_late" in told


def test_of_a_failure_its_followers_are_not_told_again(books: Books) -> None:
    books.land()
    with pytest.raises(RejectedInput), books.stores.catalog.run("ingest", str(FIRST)):
        raise RejectedInput("part-0.csv is not an event file.", "Send it again.")
    failed = [alert for alert in books.told(MORNING) if alert.kind == "run_failed"]
    assert [alert.subject for alert in failed] == ["ingest 2026-03-02"]
    assert "part-0.csv is not an event file. Send it again." in failed[0].what
    assert "throng ingest 2026-03-02" in failed[0].action


def test_a_run_that_is_no_step_of_the_plan_is_told_for_a_day(books: Books) -> None:
    with pytest.raises(RejectedInput), books.stores.catalog.run("erase", "audit 7"):
        raise RejectedInput("The consent stands.", "Withdraw it first.")
    now = datetime.now(UTC)
    assert ("run_failed", "erase audit 7") in books.kinds(now)
    assert ("run_failed", "erase audit 7") not in books.kinds(days_on(now, 1.1))


def test_a_gate_warning_is_told_on_the_day_it_was_found(books: Books) -> None:
    books.land()
    passed = {**WARNING, "rule": "rows_high", "status": "passed"}
    books.ingest(gate=({**WARNING, "rule": "hours_covered", "status": "failed"}, passed))
    now = datetime.now(UTC)
    warned = [alert for alert in books.told(now) if alert.kind == "gate_warning"]
    assert [(alert.subject, alert.action) for alert in warned] == [("hours_covered on 2026-03-02", "Ask them.")]
    assert "gate_warning" not in dict(books.kinds(days_on(now, 1.1)))


@pytest.mark.parametrize(("spent", "told"), [(0.5, False), (0.9, True), (0.95, True)])
def test_a_months_budget_is_low_below_a_tenth_or_when_the_schedule_no_longer_fits(
    books: Books, spent: float, told: bool
) -> None:
    facts = ReservationFacts("1/2", NOON, "policy", "zones", {})
    books.charge(ReleaseKey("footfall", 3, "2026-03-01", 9), round(spent * 10**12), facts)
    assert ("budget_low", "2026-03") in books.kinds() if told else "budget_low" not in dict(books.kinds())


def test_of_the_budget_of_a_month_that_is_over_nobody_is_told(books: Books) -> None:
    facts = ReservationFacts("1/2", NOON, "policy", "zones", {})
    books.charge(ReleaseKey("footfall", 3, "2026-03-01", 9), 10**12, facts)
    kept = books.stores.policy.policy.retention.keys_days
    end = datetime(2026, 4, 1, tzinfo=UTC)
    assert "budget_low" in dict(books.kinds(days_on(end, kept - 1)))  # days of March may still be drawn
    assert "budget_low" not in dict(books.kinds(days_on(end, kept + 1)))


def test_what_is_not_drawn_is_told_a_week_before_its_key_may_go(books: Books) -> None:
    books.land()
    books.ingest()
    ingested, kept = datetime.now(UTC), books.stores.policy.policy.retention.keys_days
    assert "key_expiring" not in dict(books.kinds(days_on(ingested, kept - 8)))
    told = [subject for kind, subject in books.kinds(days_on(ingested, kept - 6)) if kind == "key_expiring"]
    assert told == ["footfall 2026-03-02", "panel 2026-03"]
    books.publish()
    told = [subject for kind, subject in books.kinds(days_on(ingested, kept - 6)) if kind == "key_expiring"]
    assert told == ["panel 2026-03"]
    assert "key_expiring" not in dict(books.kinds(days_on(ingested, kept + 1)))


def test_a_draw_that_was_repeated_is_told_for_a_day_though_it_was_charged_once(books: Books) -> None:
    books.land()
    books.ingest()
    books.publish()
    now = datetime.now(UTC)
    assert "release_redrawn" not in dict(books.kinds(now))
    books.publish(days_on(MORNING, 1).date(), draws=3)
    (alert,) = [alert for alert in books.told(now) if alert.kind == "release_redrawn"]
    assert alert.subject == "footfall/v3/2026-03-04/r1"
    assert "Drawn 3 times under one charge" in alert.what
    assert "throng runs" in alert.action
    assert "release_redrawn" not in dict(books.kinds(days_on(now, 1.1)))


def test_a_stale_release_says_what_a_revision_costs_and_how(books: Books) -> None:
    books.land()
    books.ingest()
    books.publish()
    late = books.stores.settings.landing_root / "events" / f"date={FIRST}" / "part-1.csv"
    late.write_text("late rows")
    (alert,) = [alert for alert in books.told(MORNING) if alert.kind == "release_stale"]
    assert alert.subject == "footfall/v3/2026-03-02/r1"
    assert "part-1.csv" in alert.what
    again = "throng publish footfall 2026-03-02 --revision-of footfall/v3/2026-03-02/r1"
    assert f"rho 0.0146, after `throng ingest 2026-03-02`: {again}" in alert.action
    books.ingest()
    (alert,) = [alert for alert in books.told(MORNING) if alert.kind == "release_stale"]
    assert f"rho 0.0146: {again}" in alert.action


def _told_by_cause(books: Books, now: datetime) -> list[Alert]:
    return group_by_cause(books.told(now), books.plan(now).targets)


def test_a_landing_that_is_missing_for_days_is_one_alert_with_what_waits_for_it(books: Books) -> None:
    books.land()
    books.ingest()
    books.publish()
    books.deliver()
    now = days_on(NOON, 5)
    days = sum(alert.kind == "landing_overdue" for alert in books.told(now))
    assert days >= 4
    assert sum(alert.kind == "delivery_late" for alert in books.told(now)) == days
    (alert,) = _told_by_cause(books, now)
    assert (alert.kind, alert.subject) == ("landing_overdue", "since 2026-03-03")
    assert f"{days} in all" in alert.what
    assert f"{days} deliveries" in alert.what


def test_one_thing_more_of_the_same_cause_is_told_under_the_same_subject(books: Books) -> None:
    books.land()
    first, later = (_told_by_cause(books, days_on(NOON, days)) for days in (3, 4))
    assert "since 2026-03-03" in [alert.subject for alert in first]
    assert [alert.subject for alert in first] == [alert.subject for alert in later]


def test_a_single_matter_is_told_as_it_is(books: Books) -> None:
    books.land()
    now = MORNING + timedelta(hours=3)
    assert _told_by_cause(books, now) == books.told(now)


def test_an_expiry_that_has_not_ended_well_for_a_week_is_told(books: Books) -> None:
    now = datetime.now(UTC)
    assert "expiry_overdue" not in dict(books.kinds(days_on(now, 8))), "there is nothing to destroy"
    books.land()
    books.ingest()
    assert "expiry_overdue" not in dict(books.kinds(days_on(now, 6)))
    assert ("expiry_overdue", EXPIRY) in books.kinds(days_on(now, 8))
    books.stores.audit.write(AuditEntry.by_user("expiry done", EXPIRY))
    assert "expiry_overdue" not in dict(books.kinds(days_on(now, 6)))
    assert ("expiry_overdue", EXPIRY) in books.kinds(days_on(now, 8))
