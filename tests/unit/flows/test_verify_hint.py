"""A delivery says what comes next: a command that works as printed, or that only the client can run it."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.cli.verify_hint import export_public_key, verify_hint
from tasks.refs import DeliveryRef, Outcome
from tasks.services.client_file import client_file
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.client_file import parse_client

ROLE = 'role_arn = "arn:aws:iam::111122223333:role/throng"'
PLACE = "s3://nordmarkt-insights/throng/footfall"


def _next(home: Path, replaced: str = "", by: str = "") -> str:
    stores = open_stores()
    text = client_file("nordmarkt", "nordmarkt-insights", "http://127.0.0.1:9000", date(2026, 3, 1))
    spec = parse_client(
        text.replace(replaced, by) if replaced else text, "nordmarkt.toml", ("footfall",), ("parquet", "csv")
    )
    document = spec.model_dump(mode="json", by_alias=True)
    stores.catalog.apply_client(spec.name, document, "d", AuditEntry("me", "client applied", spec.name))
    return verify_hint(stores, "nordmarkt", PLACE)


def test_the_way_to_the_bucket_stands_in_front_of_the_command(home: Path) -> None:
    key = f"--public-key {home}/throng-public.pem"
    way = "AWS_PROFILE=nordmarkt AWS_ENDPOINT_URL_S3=http://127.0.0.1:9000"
    assert _next(home) == f"Next: {way} throng verify {PLACE} {key}"
    assert (home / "throng-public.pem").read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_where_a_role_is_assumed_the_client_verifies(home: Path) -> None:
    said = _next(home, 'profile = "nordmarkt"', ROLE)
    line = f"throng verify {PLACE} --public-key FILE"
    assert said == f"Next: nordmarkt verifies it with its own credentials: {line}", "no path of ours"


def test_a_delivery_that_is_made_is_no_failure_because_its_hint_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = DeliveryRef("nordmarkt", "footfall", "2026-03-01", 1, 1, Outcome.DELIVERED, PLACE, "m", 10, 2)
    monkeypatch.setattr("flows.cli.validation.deliver", lambda *_: None)
    monkeypatch.setattr("flows.cli.runner.run", lambda *_: made)
    ran = CliRunner().invoke(app, ["deliver", "nordmarkt", "footfall", "2026-03-01"])  # nobody knows such a client
    assert (ran.exit_code, "Next:" in ran.stdout) == (0, False), ran.output
    assert f"{PLACE}: 10 rows" in ran.stdout


def test_a_public_key_that_cannot_be_kept_stops_nobody(home: Path) -> None:
    (home / "throng-public.pem").mkdir(parents=True)
    assert _next(home).endswith(f"throng verify {PLACE}")


def test_the_public_key_is_kept_as_it_is_now(home: Path) -> None:
    stores: Stores = open_stores()
    file = export_public_key(stores)
    file.write_text("another's")
    assert export_public_key(stores).read_text() != "another's"
