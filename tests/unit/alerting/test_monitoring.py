"""The round after a run leaves the monitoring's file, and what it returns is what is told."""

import pytest

from flows.monitoring import refresh_monitoring
from tasks.alerts import failure
from tasks.errors import RejectedInput
from tests.unit.alerting.conftest import Books


def test_a_round_writes_the_metrics_that_count_its_alerts_and_the_status_page(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(books.stores.settings.home))
    monkeypatch.setenv("THRONG_LANDING", str(books.stores.settings.landing_root))
    books.land()
    found = refresh_monitoring()
    late = sum(alert.kind == "delivery_late" for alert in found)
    assert late > 0
    text = (books.stores.settings.home / "metrics.prom").read_text()
    assert f'throng_alerts{{kind="delivery_late"}} {late}.0\n' in text
    assert "deliveries are late" in (books.stores.settings.home / "status.html").read_text()
    for name in ("metrics.prom", "status.html"):
        assert (books.stores.settings.home / name).stat().st_mode & 0o777 == 0o600


def test_what_failed_in_the_run_that_ends_is_told_though_the_schedule_does_not_look_at_it(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(books.stores.settings.home))
    monkeypatch.setenv("THRONG_LANDING", str(books.stores.settings.landing_root))
    books.land()
    old = failure("ingest 2025-01-01", RejectedInput("part-0.csv is not an event file.", "Send it again."))
    assert set(refresh_monitoring([old])) - set(refresh_monitoring()) == {old}
