"""The monitoring's file: whole or not there, parsed by Prometheus' rules, and without anybody in it."""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tasks.alerts import Alert, AlertKind
from tasks.metrics import render, write_metrics
from tests.unit.alerting.conftest import FIRST, NOON, Books

_LINE = re.compile(r'(throng_[a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+]+)')


def _samples(text: str) -> dict[tuple[str, str], float]:
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = _LINE.fullmatch(line)
            assert match, line
            found[match[1], match[2] or ""] = float(match[3])
    return found


def _rendered(books: Books, told: list[Alert] | None = None) -> dict[tuple[str, str], float]:
    return _samples(render(books.stores, books.plan(), told or [], NOON))


def test_freshness_counts_from_the_end_of_the_newest_delivered_period(books: Books) -> None:
    labels = 'client="nordmarkt",product="footfall"'
    assert _rendered(books)["throng_freshness_seconds", labels] == 60 * 3600  # of none: since the grant begins
    books.land()
    books.ingest()
    books.publish()
    books.deliver()
    assert _rendered(books)["throng_freshness_seconds", labels] == 36 * 3600


def test_states_budget_lateness_and_alerts_are_counted(books: Books) -> None:
    books.land()
    books.ingest()
    books.publish()
    books.deliver()
    found = _rendered(books, [Alert(AlertKind.RUN_FAILED, "ingest 2026-03-03", "It broke.", "Mend it.")])
    periods = {labels: n for (name, labels), n in found.items() if name == "throng_periods"}
    assert periods['client="nordmarkt",product="footfall",state="done"'] == 1
    assert periods['client="nordmarkt",product="footfall",state="waiting"'] == 1
    assert found["throng_deliveries_late", 'client="nordmarkt"'] == 1
    assert 0.98 < found["throng_budget_left_ratio", 'month="2026-03"'] < 0.99
    assert found["throng_alerts", 'kind="run_failed"'] == 1
    assert sum(value for (name, _), value in found.items() if name == "throng_alerts") == 1
    assert found["throng_metrics_written_timestamp_seconds", ""] == NOON.timestamp()


def test_of_each_verb_the_last_run_that_ended_is_shown(books: Books) -> None:
    with books.stores.catalog.run("ingest", str(FIRST)) as run:
        run.outcome = "Ingested"
    found = _rendered(books)
    assert found["throng_last_run_exit_code", 'verb="ingest"'] == 0
    assert 0 <= found["throng_last_run_duration_seconds", 'verb="ingest"'] < 60
    assert found["throng_last_run_cpu_seconds", 'verb="ingest"'] >= 0
    assert abs(found["throng_last_run_timestamp_seconds", 'verb="ingest"'] - datetime.now(UTC).timestamp()) < 60


def test_the_file_takes_the_place_of_the_one_before_in_one_step(books: Books) -> None:
    path = write_metrics(books.stores, books.plan(), [], NOON)
    before = path.read_text()
    with path.open() as reader:
        write_metrics(books.stores, books.plan(), [], NOON)
        assert reader.read() == before
    assert path.name == "metrics.prom"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir() if p.name.startswith("metrics")] == ["metrics.prom"]


def test_no_zone_and_no_file_of_the_landing_is_a_label(books: Books, tmp_path: Path) -> None:
    books.land()
    books.ingest()
    text = render(books.stores, books.plan(), books.told(), NOON)
    labels = {name for line in text.splitlines() for name in re.findall(r'[{,]([a-z]+)="', line)}
    assert labels <= {"client", "product", "state", "month", "verb", "kind"}
    assert "part-0" not in text


def test_elsewhere_the_monitorings_user_may_read_it(books: Books, tmp_path: Path) -> None:
    file = tmp_path / "collected" / "throng.prom"
    file.parent.mkdir()
    settings = books.stores.settings.model_copy(update={"metrics": file})
    stores = replace(books.stores, settings=settings)
    before = os.umask(0o077)
    try:
        assert write_metrics(stores, books.plan(), [], NOON) == file
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in file.parent.iterdir()] == ["throng.prom"]
    assert not (books.stores.settings.home / "metrics.prom").exists()


def test_what_lies_beside_the_file_under_a_guessed_name_is_not_written_to(books: Books, tmp_path: Path) -> None:
    key, file = tmp_path / "digest.key", tmp_path / "collected" / "throng.prom"
    file.parent.mkdir()
    key.touch(mode=0o600)
    key.write_bytes(b"a key")
    (file.parent / f"throng.prom.{os.getpid()}").symlink_to(key)
    settings = books.stores.settings.model_copy(update={"metrics": file})
    write_metrics(replace(books.stores, settings=settings), books.plan(), [], NOON)
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (b"a key", 0o600)
    assert not file.is_symlink()
