"""How far a consents file reaches tells a newer one from an older one, whatever else they hold."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import RejectedInput
from tasks.events.consent import CONSENT_COLUMNS
from tasks.events.consent_history import HistoryExtent, history_extent
from tasks.events.formats import parse, shipped
from tests.unit.events.factory import at, csv_bytes, times, write, write_parquet

NOW = at("2026-03-03T12:00:00+01:00")


def _row(granted: str, withdrawn: str = "") -> tuple[str, ...]:
    return ("p", "insights", granted, withdrawn, "app", "v1")


def _reach(root: Path, *rows: tuple[str, ...]) -> HistoryExtent:
    write(root / "consents.csv", csv_bytes(rows, CONSENT_COLUMNS))
    return history_extent(root, times(), NOW, shipped())


def test_the_newest_grant_or_withdrawal_that_is_past_counts_by_its_hour(tmp_path: Path) -> None:
    grants = [
        _row("2026-03-01T10:00:00Z"),
        _row("2026-01-01", "2026-03-02T09:59:00Z"),
        _row("2027-01-01", "9999-12-31"),
    ]
    assert _reach(tmp_path, *grants) == HistoryExtent(datetime(2026, 3, 2, 9, tzinfo=UTC), 2)
    assert _reach(tmp_path, grants[0]) == HistoryExtent(datetime(2026, 3, 1, 10, tzinfo=UTC), 0)


def test_a_file_without_any_time_reaches_nowhere(tmp_path: Path) -> None:
    assert _reach(tmp_path, _row("soon")) == HistoryExtent(None, 0)


def test_words_for_no_withdrawal_are_none(tmp_path: Path) -> None:
    _reach(tmp_path, _row("2026-03-01", "9999-12-31"))
    own = parse(b'[consents.own]\nnull_words = ["9999-12-31"]\n', "it").consents
    mapped = shipped().model_copy(update={"consents": own})
    assert history_extent(tmp_path, times(), NOW, mapped).withdrawals == 0


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "consents.parquet", {name: pa.array(["x"] * 9999) for name in CONSENT_COLUMNS})
    body = path.read_bytes()
    path.write_bytes(body[:4] + b"\0" * 200 + body[204:])
    with pytest.raises(RejectedInput):
        history_extent(tmp_path, times(), NOW, shipped())
