"""A client's webhook learns what changed in its index; no receiver delays, fails or redirects a delivery."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from flows.alerting import client_notices
from flows.alerting.client_notices import is_public, send_notice
from tasks.deliverable.notices import Notice, notice
from tasks.store.client_file import ClientSpec, parse_client
from tests.factories import client_toml
from tests.receivers import Received, mailbox, webhook
from tests.refusals import refused

PATH = "footfall/v3/docs/cadence=day/dt=2026-03-02/revision=2"
OF = {"product": "footfall", "version": 3, "cadence": "day"}
LATE = {**OF, "period": "2026-03-03", "state": "late", "cause": "not_sent", "path": None, "digest": None}
SENT = {**OF, "period": "2026-03-02", "state": "delivered", "cause": None, "path": PATH, "digest": "a" * 64}


def index_of(*periods: dict[str, object]) -> bytes:
    return json.dumps({"periods": periods}).encode()


def changed(before: bytes | None, after: bytes) -> Notice | None:
    return notice("nordmarkt", "s3://nordmarkt-insights/throng", before, after)


NEWS = changed(None, index_of(SENT, LATE))


def client(address: str, key: str = "url") -> ClientSpec:
    text = client_toml() + f'[notice]\n{key} = "{address}"\n'
    return parse_client(text, "client.toml", ["footfall"], ["parquet"])


@pytest.fixture
def received() -> Iterator[Received]:
    with webhook() as receiver:
        yield receiver


def send(address: str, key: str = "url") -> None:
    assert NEWS
    send_notice(client(address, key), NEWS)


def test_the_webhook_is_sent_what_changed_and_no_number_of_rows(received: Received) -> None:
    send(f"{received.http}?sig=s3cret")
    shared = {"product": "footfall", "version": 3}
    first = {"period": "2026-03-02", "state": "delivered", "revision": 2, "manifest_sha256": "a" * 64}
    second = {"period": "2026-03-03", "state": "late", "revision": None, "manifest_sha256": None}
    assert received.calls == [
        {
            "client": "nordmarkt",
            "index": "s3://nordmarkt-insights/throng/index.json",
            "periods": [
                {**shared, **first, "location": f"s3://nordmarkt-insights/throng/{PATH}"},
                {**shared, **second, "location": None},
            ],
        }
    ]


def test_only_periods_that_changed_are_news() -> None:
    recalled = {**SENT, "state": "recalled"}
    assert changed(index_of(SENT, LATE), index_of(SENT, LATE)) is None
    assert changed(index_of(SENT), index_of()) is None
    news = changed(index_of(SENT, LATE), index_of(recalled, LATE))
    assert news
    assert [(each["period"], each["state"]) for each in news.periods] == [("2026-03-02", "recalled")]


def test_a_client_without_a_webhook_is_sent_nothing() -> None:
    assert NEWS
    send_notice(parse_client(client_toml(), "client.toml", ["footfall"], ["parquet"]), NEWS)


def test_a_mail_goes_to_the_client_alone_by_the_mail_server_of_our_alerts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRONG_HOME", str(tmp_path))
    with webhook() as other, mailbox() as received:
        monkeypatch.setenv("THRONG_ALERTS", f"{other.url} {received.url}&cc=audit@operator.example")
        send("data@nordmarkt.example", "email")
    assert [mail["To"] for mail in received.mails] == ["data@nordmarkt.example"]
    assert [word for word in received.words if word.upper().startswith("RCPT")] == ["rcpt TO:<data@nordmarkt.example>"]
    assert other.calls == []
    assert "footfall 2026-03-02: delivered" in received.texts[0]
    assert "a" * 64 in received.texts[0]


def test_a_mail_without_a_mail_server_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("THRONG_HOME", str(tmp_path))
    monkeypatch.delenv("THRONG_ALERTS", raising=False)
    send("data@nordmarkt.example", "email")
    assert "THRONG_ALERTS names no mail server" in caplog.text


@pytest.mark.parametrize("email", ["a@b", "a b@example.com", "a@example.com, b@example.com", "A <a@example.com>", ""])
def test_an_address_of_mail_is_one_plain_address(email: str) -> None:
    with refused("client.invalid"):
        client(email, "email")


def test_a_notice_without_an_address_is_refused() -> None:
    with refused("client.invalid"):
        parse_client(client_toml() + "[notice]\n", "client.toml", ["footfall"], ["parquet"])


@pytest.mark.parametrize("status", [302, 403, 500])
def test_a_receiver_that_does_not_take_it_is_logged_without_its_address(
    received: Received, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    received.status, received.elsewhere = status, f"{received.http}/elsewhere"
    with caplog.at_level(logging.WARNING):
        send(f"{received.http}?sig=s3cret")
    assert (len(received.calls), received.words) == (1, [])
    assert f"status {status}" in caplog.text
    assert "s3cret" not in caplog.text


def test_no_name_leads_into_our_own_network(received: Received, caplog: pytest.LogCaptureFixture) -> None:
    send(received.http.replace("http://", "https://"))
    send(received.http.replace("http://127.0.0.1", "https://localhost"))
    assert received.calls == []
    assert caplog.text.count("PermissionError") == 2


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::"),
        *("ff02::1", "255.255.255.255"),
    ],
)
def test_private_addresses_are_refused_in_every_form(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_asked(address: str) -> None:
    assert is_public(address)


def test_a_receiver_that_never_answers_is_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_notices, "LONGEST", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = monotonic()
        send(f"http://127.0.0.1:{silent.getsockname()[1]}/hook")
        assert monotonic() - begun < client_notices.TIMEOUT


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/hook", "ftp://example.com", "https://", "https://name:password@example.com/hook"),
        *("https://example.com/a#b", "https://example.com/a b", "https://example.com:99999/", "http://10.0.0.1/"),
        *("https://example.com/\\u00e9", "https://example.com/\\r\\nHost: other", "x" * 10, "https://" + "a" * 1000),
    ],
)
def test_an_address_that_is_not_https_or_carries_a_password_is_refused(url: str) -> None:
    with refused("client.invalid"):
        client(url)


def test_an_address_is_shown_by_its_host_alone() -> None:
    one, other = (client(f"https://example.com/{token}").notice for token in ("s3cret", "0ther"))
    assert one
    assert other
    assert one.shown.startswith("https://example.com/... (")
    assert one.shown != other.shown
    assert "s3cret" not in one.shown
