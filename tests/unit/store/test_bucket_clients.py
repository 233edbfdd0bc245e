"""Clients of S3: one is used for all of a delivery, and none for longer than what it was made of may count."""

from typing import Any

import pytest

from tasks.store.bucket_clients import BucketClients
from tasks.store.client_spec import Destination


@pytest.fixture(autouse=True)
def _as_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def destination(**changed: str) -> Destination:
    given = {"bucket": "client", "prefix": "throng", "region": "us-east-1", "endpoint_url": "http://127.0.0.1:9"}
    return Destination.model_validate(given | changed)


def signed(client: Any) -> str:
    return str(client.generate_presigned_url("get_object", {"Bucket": "client", "Key": "x"}))


def test_a_client_serves_for_five_minutes_and_then_the_credentials_of_that_time_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([0.0, 299.0, 301.0])
    clients = BucketClients(lambda: next(seconds))
    first = clients.of(destination())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second-key")
    assert clients.of(destination()) is first
    assert "first-key" in signed(first)
    assert "second-key" in signed(clients.of(destination()))


@pytest.mark.parametrize("other", [{"region": "eu-central-1"}, {"endpoint_url": "http://127.0.0.1:10"}])
def test_another_identity_has_another_client(other: dict[str, str]) -> None:
    clients = BucketClients()
    assert clients.of(destination(prefix="elsewhere")) is clients.of(destination())
    assert clients.of(destination(**other)) is not clients.of(destination())
