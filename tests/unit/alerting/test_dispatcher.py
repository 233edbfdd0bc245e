"""The teller passes each alert on once a day, by every channel, until it got there; and gives no secret away."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from flows.alerting.deduplication import Deduplicator
from flows.alerting.dispatcher import Outbox, running_dispatcher
from flows.alerting.notifiers import MailNotifier, WebhookNotifier, configured_notifiers
from tasks.alerts import Alert
from tasks.errors import Misconfigured
from tasks.settings import Settings
from tests.receivers import Received, certified, mailbox, webhook
from tests.unit.alerting.conftest import NOON, days_on

OVERDUE = Alert("landing_overdue", "2026-03-03", "The folder is missing.", "Have it sent.")
LOW = Alert("budget_low", "2026-03", "Little is left.", "Draw no revision.")


def until(came: Callable[[], object]) -> None:
    """Wait for something that happens within seconds, on a busy machine within a minute."""
    end = monotonic() + 60
    while not came():
        assert monotonic() < end, "it did not come"
        sleep(0.02)


def _settings(home: Path, **more: str) -> Settings:
    home.mkdir(exist_ok=True)
    return Settings(home=home, _env_file=None, **more)  # type: ignore[arg-type]


def _post(url: str, body: bytes) -> int:
    with urlopen(Request(url, body, method="POST"), timeout=10) as answer:
        return int(answer.status)


def _say(url: str, *alerts: Alert) -> None:
    for alert in alerts:
        assert _post(url, json.dumps(vars(alert)).encode()) == 204


@contextmanager
def _box(received: Received, home: Path) -> Iterator[Callable[[datetime, Alert], None]]:
    box = Outbox(WebhookNotifier(received.url), Deduplicator(home / "told.json"))

    def tell(at: datetime, alert: Alert) -> None:
        box.add([alert], at)
        box.send(at)

    yield tell


def test_what_comes_at_once_is_one_message_on_each_channel(tmp_path: Path) -> None:
    with webhook() as hook, mailbox() as mail:
        settings = _settings(tmp_path, alert_webhook=hook.url, alert_email="ops@operator.example", smtp_url=mail.url)
        with running_dispatcher(settings, gather=0.5) as url:
            _say(url, OVERDUE, LOW, OVERDUE)
            until(lambda: hook.calls and mail.mails)
        assert hook.calls == [{"text": hook.calls[0]["text"], "alerts": [vars(OVERDUE), vars(LOW)]}]
        assert "Have it sent." in hook.calls[0]["text"]
        (message,) = mail.mails
        assert message["To"] == "ops@operator.example"
        assert message["Subject"] == "Throng: landing_overdue 2026-03-03 and 1 more"
        assert "The folder is missing.\r\nHave it sent.\r\n" in message.get_content()


def test_the_same_is_told_again_after_a_day_not_after_an_hour(tmp_path: Path) -> None:
    with webhook() as hook, _box(hook, tmp_path) as tell:
        for hours in (0, 1, 22, 24, 25):
            tell(days_on(NOON, hours / 24), OVERDUE)
        tell(NOON, LOW)
        assert [call["alerts"][0]["kind"] for call in hook.calls] == [
            "landing_overdue",
            "landing_overdue",
            "budget_low",
        ]


def test_a_new_process_remembers_what_was_told(tmp_path: Path) -> None:
    with webhook() as hook:
        for _ in range(2):
            with _box(hook, tmp_path) as tell:
                tell(NOON, OVERDUE)
        assert len(hook.calls) == 1
        (tmp_path / "told.json").write_text("{damaged")
        with _box(hook, tmp_path) as tell:
            tell(NOON, OVERDUE)
        assert len(hook.calls) == 2


def test_what_a_receiver_did_not_take_is_logged_without_its_address_and_told_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with webhook() as hook, _box(hook, tmp_path) as tell:
        hook.status = 503
        with caplog.at_level(logging.ERROR, "throng.alerts"):
            tell(NOON, OVERDUE)
        assert "1 alert(s) not delivered by webhook (HTTPError 503)" in caplog.text
        assert hook.url not in caplog.text
        hook.status = 200
        tell(NOON, LOW)
        assert hook.calls[-1]["alerts"] == [vars(OVERDUE), vars(LOW)]


def test_one_channel_that_fails_does_not_hold_up_the_other(tmp_path: Path) -> None:
    with webhook() as hook, mailbox() as mail:
        hook.status, mail.status = 500, 200
        settings = _settings(tmp_path, alert_webhook=hook.url, alert_email="ops@operator.example", smtp_url=mail.url)
        with running_dispatcher(settings, gather=0.1) as url:
            _say(url, OVERDUE)
            until(lambda: mail.mails)


def test_a_password_never_leaves_without_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with mailbox() as mail:
        url = mail.url.replace("://", "://throng:hush-hush@")
        box = Outbox(MailNotifier(url, "ops@operator.example"), Deduplicator(tmp_path / "told.json"))
        box.add([OVERDUE], NOON)
        box.send(NOON)
        assert not mail.mails
        assert not [word for word in mail.words if "AUTH" in word.upper()]
        assert "SMTPNotSupportedError" in caplog.text
        assert "hush" not in caplog.text


def test_a_password_is_for_a_server_whose_name_is_certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with mailbox(certified(tmp_path)) as mail:
        url = mail.url.replace("://127.0.0.1", "://throng:hush-hush@localhost")
        box = Outbox(MailNotifier(url, "ops@operator.example"), Deduplicator(tmp_path / "told.json"))
        box.add([OVERDUE], NOON)
        box.send(NOON)
        assert "SSLCertVerificationError" in caplog.text
        assert not mail.words
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        box.send(NOON)
        assert [word for word in mail.words if word.upper().startswith("AUTH PLAIN")]
        assert len(mail.mails) == 1


def test_only_who_knows_the_address_can_tell_and_only_alerts(tmp_path: Path) -> None:
    with running_dispatcher(_settings(tmp_path), gather=0.1) as url:
        told = vars(OVERDUE)
        no_alerts = [{}, [], 7, {**told, "kind": "you_won"}, {**told, "more": ""}, {**told, "what": "\ud800"}]
        no_alerts += [{**told, name: wrong} for name in told for wrong in (["x"], {"x": 1}, None, 7)]
        bodies = [b"no json", *(json.dumps(said).encode() for said in no_alerts)]
        for place, body in ((url[:-1], json.dumps(told).encode()), *((url, body) for body in bodies)):
            with pytest.raises(HTTPError, match="400"):
                _post(place, body)
    assert not (tmp_path / "told.json").exists()


def test_without_a_channel_the_log_tells(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_dispatcher(_settings(tmp_path), gather=0.1) as url:
        _say(url, OVERDUE)
        until(lambda: "landing_overdue: 2026-03-03. The folder is missing. Have it sent." in caplog.text)


@pytest.mark.parametrize("given", [{"alert_email": "ops@operator.example"}, {"smtp_url": "smtp://mail.example"}])
def test_half_a_mail_setting_is_refused(tmp_path: Path, given: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="only one is set"):
        configured_notifiers(_settings(tmp_path, **given))


def test_what_comes_in_several_lines_is_told_in_one(tmp_path: Path) -> None:
    with webhook() as hook, mailbox() as mail:
        settings = _settings(tmp_path, alert_webhook=hook.url, alert_email="ops@operator.example", smtp_url=mail.url)
        with running_dispatcher(settings, gather=0.1) as url:
            _say(url, Alert("run_failed", "daily\r\nBcc: all@elsewhere.example", "It\nbroke.", "Mend it."))
            until(lambda: hook.calls and mail.mails)
        assert hook.calls[0]["alerts"][0]["what"] == "It broke."
        (message,) = mail.mails
        assert message["Subject"] == "Throng: run_failed daily Bcc: all@elsewhere.example"
        assert message["Bcc"] is None


def test_a_channel_that_fails_in_a_way_nobody_foresaw_stops_neither_the_others_nor_the_next_alert(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mailbox() as mail:
        hook = "http://127.0.0.1:9/h\u00f6ren-hush"
        settings = _settings(tmp_path, alert_webhook=hook, alert_email="ops@operator.example", smtp_url=mail.url)
        with running_dispatcher(settings, gather=0.1) as url:
            _say(url, OVERDUE)
            until(lambda: len(mail.mails) == 1)
            _say(url, LOW)
            until(lambda: len(mail.mails) == 2)
    assert "not delivered by webhook (UnicodeEncodeError)" in caplog.text
    assert "hush" not in caplog.text


def test_what_was_told_is_not_told_again_each_minute_though_it_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "told.unfinished").mkdir()
    with webhook() as hook, _box(hook, tmp_path) as tell:
        for alert in (OVERDUE, OVERDUE, LOW):
            tell(NOON, alert)
        assert [call["alerts"] for call in hook.calls] == [[vars(OVERDUE)], [vars(LOW)]]
    assert "What was told cannot be kept (IsADirectoryError)" in caplog.text


def test_a_memory_that_somebody_edited_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text('{"webhook landing_overdue 2026-03-03": "2020-01-01T00:00:00"}')
    with webhook() as hook, _box(hook, tmp_path) as tell:
        tell(NOON, OVERDUE)
        assert len(hook.calls) == 1
    assert (tmp_path / "told.json").stat().st_mode & 0o777 == 0o600


def test_an_alert_is_not_sent_where_a_receiver_points_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with webhook() as hook, webhook() as other, _box(hook, tmp_path) as tell:
        hook.status, hook.elsewhere = 302, other.url
        tell(NOON, OVERDUE)
        assert (other.calls, other.words) == ([], [])
        assert "1 alert(s) not delivered by webhook (HTTPError 302)" in caplog.text
        hook.status = 200
        tell(NOON, LOW)
        assert hook.calls[-1]["alerts"] == [vars(OVERDUE), vars(LOW)]


def test_a_number_that_may_be_a_subscribers_stays_in_the_house(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = "http://127.0.0.1:4200/runs/flow-run/7d0c4b52-0000-4000-8000-123456789012"
    alert = Alert("release_stale", "of 4915155500001", "1 file arrived (sub-4915155500001.csv).", f"Open {page}")
    told = {"kind": "release_stale", "subject": "of NUMBER", "what": "1 file arrived (sub-NUMBER.csv)."}
    with webhook() as hook, mailbox() as mail:
        settings = _settings(tmp_path, alert_webhook=hook.url, alert_email="ops@operator.example", smtp_url=mail.url)
        with running_dispatcher(settings, gather=0.1) as url:
            _say(url, alert)
            until(lambda: hook.calls and mail.mails)
        (message,) = mail.mails
        assert hook.calls[0]["alerts"] == [{**told, "action": f"Open {page}"}]
        for said in (hook.calls[0]["text"], f"{message['Subject']}{message.get_content()}", caplog.text):
            assert "sub-NUMBER.csv" in said
            assert "4915155500001" not in said
            assert page in said
        assert "4915155500001" not in message["Subject"]
