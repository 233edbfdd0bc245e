"""The round after a run leaves the monitoring's file, and what it returns is what is told."""

import pytest

from flows.telling.rounds import look_round
from tests.unit.telling.conftest import Books


def test_a_round_writes_the_metrics_that_count_its_alerts_and_the_status_page(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(books.stores.settings.home))
    monkeypatch.setenv("THRONG_LANDING", str(books.stores.settings.landing_root))
    books.land()
    found = look_round()
    late = sum(alert.kind == "delivery_late" for alert in found)
    assert late > 0
    text = (books.stores.settings.home / "metrics.prom").read_text()
    assert f'throng_alerts{{kind="delivery_late"}} {late}\n' in text
    assert "deliveries are late" in (books.stores.settings.home / "status.html").read_text()
    for name in ("metrics.prom", "status.html"):
        assert (books.stores.settings.home / name).stat().st_mode & 0o777 == 0o600
