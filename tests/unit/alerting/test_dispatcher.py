"""The dispatcher sends each alert once a day through every notifier until it is taken; it shows no secret."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from flows.alerting.dispatcher import Outbox, SentAlerts, running_dispatcher
from flows.alerting.notifiers import ServiceNotifier, notifiers
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


def _settings(home: Path, *receivers: Received) -> Settings:
    home.mkdir(exist_ok=True)
    alerts = " ".join(receiver.url for receiver in receivers)
    return Settings(home=home, _env_file=None, alerts=alerts or None)


def _post(url: str, body: bytes) -> int:
    with urlopen(Request(url, body, method="POST"), timeout=10) as answer:
        return int(answer.status)


def _say(url: str, *alerts: Alert) -> None:
    for alert in alerts:
        assert _post(url, json.dumps(vars(alert)).encode()) == 204


@contextmanager
def _box(received: Received, home: Path) -> Iterator[Callable[[datetime, Alert], None]]:
    box = Outbox(ServiceNotifier(1, received.url), SentAlerts(home / "told.json"))

    def tell(at: datetime, alert: Alert) -> None:
        box.add([alert], at)
        box.send(at)

    yield tell


def test_what_comes_at_once_is_one_message_of_each_notifier(tmp_path: Path) -> None:
    with webhook() as hook, mailbox() as mail:
        with running_dispatcher(_settings(tmp_path, hook, mail), gather=0.5) as (_, url):
            _say(url, OVERDUE, LOW, OVERDUE)
            until(lambda: hook.calls and mail.mails)
        assert (len(hook.calls), hook.alerts) == (1, [OVERDUE, LOW])
        (message,) = mail.mails
        assert message["To"] == "ops@operator.example"
        assert message["Subject"] == "Throng: landing_overdue 2026-03-03 and 1 more"
        assert OVERDUE.action in mail.texts[0]


def test_the_same_alert_is_sent_again_after_a_day_not_after_an_hour(tmp_path: Path) -> None:
    with webhook() as hook, _box(hook, tmp_path) as tell:
        for hours in (0, 1, 22, 24, 25):
            tell(days_on(NOON, hours / 24), OVERDUE)
        tell(NOON, LOW)
        assert hook.alerts == [OVERDUE, OVERDUE, LOW]


def test_a_new_process_knows_what_was_sent(tmp_path: Path) -> None:
    with webhook() as hook:
        for _ in range(2):
            with _box(hook, tmp_path) as tell:
                tell(NOON, OVERDUE)
        assert len(hook.calls) == 1
        (tmp_path / "told.json").write_text("{damaged")
        with _box(hook, tmp_path) as tell:
            tell(NOON, OVERDUE)
        assert len(hook.calls) == 2


def test_what_a_receiver_did_not_take_is_logged_without_its_address_and_sent_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with webhook() as hook, _box(hook, tmp_path) as tell:
        hook.status = 503
        with caplog.at_level(logging.DEBUG, "throng.alerts"):
            tell(NOON, OVERDUE)
        assert [record.name for record in caplog.records if record.levelno == logging.ERROR] == ["throng.alerts"]
        assert "/hook" not in caplog.text
        hook.status = 200
        tell(NOON, LOW)
        assert hook.alerts[-2:] == [OVERDUE, LOW]


def test_one_notifier_that_fails_does_not_hold_up_the_other(tmp_path: Path) -> None:
    with webhook() as hook, mailbox() as mail:
        hook.status = 500
        with running_dispatcher(_settings(tmp_path, hook, mail), gather=0.1) as (_, url):
            for number, alert in enumerate((OVERDUE, LOW), 1):
                _say(url, alert)
                until(partial(_has_mails, mail, number))


@pytest.mark.parametrize(
    "address",
    [
        "mailto://throng:hush-hush@mail.example?to=ops@operator.example",
        "mailtos://throng:hush-hush@mail.example?to=ops@operator.example&verify=no",
        "json://throng:hush-hush@hook.example",
        "jsons://throng:hush-hush@hook.example?verify=no",
        "ntfy://throng:hush-hush@ntfy.example/alerts",
        "jsons://hook.example/,jsons://hush-hush.example/",
    ],
)
def test_a_password_without_tls_is_refused_and_not_shown(tmp_path: Path, address: str) -> None:
    hidden = Received(address)
    with pytest.raises(Misconfigured) as refused:
        notifiers(_settings(tmp_path, hidden))
    assert refused.value.code == "settings.alerts"
    assert "hush" not in str(refused.value)


def test_a_password_is_for_a_server_whose_name_is_certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with mailbox(certified(tmp_path)) as mail:
        mail.url = mail.url.replace("://127.0.0.1", "://throng:hush-hush@localhost")
        with _box(mail, tmp_path) as tell:
            tell(NOON, OVERDUE)
            assert not mail.words
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
            tell(NOON, OVERDUE)
        assert [word for word in mail.words if word.upper().startswith("AUTH PLAIN")]
        assert len(mail.mails) == 1
    assert "hush" not in caplog.text


def test_only_the_secret_address_takes_alerts_and_nothing_else(tmp_path: Path) -> None:
    with running_dispatcher(_settings(tmp_path), gather=0.1) as (_, url):
        told = vars(OVERDUE)
        no_alerts = [{}, [], 7, {**told, "kind": "you_won"}, {**told, "more": ""}, {**told, "what": "\ud800"}]
        no_alerts += [{**told, name: wrong} for name in told for wrong in (["x"], {"x": 1}, None, 7)]
        bodies = [b"no json", *(json.dumps(said).encode() for said in no_alerts)]
        for place, body in ((url[:-1], json.dumps(told).encode()), *((url, body) for body in bodies)):
            with pytest.raises(HTTPError, match="400"):
                _post(place, body)
    assert not (tmp_path / "told.json").exists()


def test_without_a_service_the_log_has_the_alert(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_dispatcher(_settings(tmp_path), gather=0.1) as (_, url):
        _say(url, OVERDUE)
        until(lambda: all(part in caplog.text for part in vars(OVERDUE).values()))


@pytest.mark.parametrize("address", ["ftp://user:hush-hush@somewhere", "hush-hush", "jsons://", "mailtos://hush-hush"])
def test_an_address_of_no_known_service_is_refused_and_not_shown(
    tmp_path: Path, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Misconfigured) as refused:
        notifiers(_settings(tmp_path, Received(address)))
    assert refused.value.code == "settings.alerts"
    assert "hush" not in f"{refused.value}{caplog.text}"


def test_an_alert_of_several_lines_is_sent_as_one_line_a_field(tmp_path: Path) -> None:
    with webhook() as hook, mailbox() as mail:
        with running_dispatcher(_settings(tmp_path, hook, mail), gather=0.1) as (_, url):
            _say(url, Alert("run_failed", "daily\r\nBcc: all@elsewhere.example", "It\nbroke.", "Mend it."))
            until(lambda: hook.calls and mail.mails)
        assert hook.alerts[0].what == "It broke."
        (message,) = mail.mails
        assert message["Subject"] == "Throng: run_failed daily Bcc: all@elsewhere.example"
        assert message["Bcc"] is None


def test_an_alert_becomes_no_markup_in_a_mail(tmp_path: Path) -> None:
    with mailbox() as mail, _box(mail, tmp_path) as tell:
        tell(NOON, Alert("run_failed", "daily", "<img src=http://evil>", "Mend it."))
        html = mail.mails[0].get_body(("html",))
    assert html is None or "<img" not in html.get_content()


def test_what_was_sent_is_not_sent_again_each_minute_though_it_cannot_be_recorded(tmp_path: Path) -> None:
    (tmp_path / "told.json").mkdir()
    with webhook() as hook, _box(hook, tmp_path) as tell:
        for alert in (OVERDUE, OVERDUE, LOW):
            tell(NOON, alert)
        assert hook.alerts == [OVERDUE, LOW]


def test_a_record_that_somebody_edited_is_read(tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text('{"service 1 (JSON) landing_overdue 2026-03-03": "2020-01-01T00:00:00"}')
    with webhook() as hook, _box(hook, tmp_path) as tell:
        tell(NOON, OVERDUE)
        assert len(hook.calls) == 1
    assert (tmp_path / "told.json").stat().st_mode & 0o777 == 0o600


def test_an_alert_does_not_follow_a_redirect(tmp_path: Path) -> None:
    with webhook() as hook, webhook() as other, _box(hook, tmp_path) as tell:
        hook.status, hook.elsewhere = 302, other.http
        tell(NOON, OVERDUE)
        assert (other.calls, other.words) == ([], [])
        hook.status = 200
        tell(NOON, LOW)
        assert hook.alerts[-2:] == [OVERDUE, LOW]


def test_a_number_that_may_be_a_subscribers_leaves_by_no_notifier(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = "http://127.0.0.1:4200/runs/flow-run/7d0c4b52-0000-4000-8000-123456789012"
    alert = Alert("release_stale", "of 4915155500001", "1 file arrived (sub-4915155500001.csv).", f"Open {page}")
    with webhook() as hook, mailbox() as mail:
        with running_dispatcher(_settings(tmp_path, hook, mail), gather=0.1) as (_, url):
            _say(url, alert)
            until(lambda: hook.calls and mail.mails)
        (message,) = mail.mails
        assert hook.alerts == [Alert("release_stale", "of NUMBER", "1 file arrived (sub-NUMBER.csv).", alert.action)]
        for said in (str(hook.calls), f"{message['Subject']}{mail.texts[0]}", caplog.text):
            assert "sub-NUMBER.csv" in said
            assert "4915155500001" not in said
            assert page in said


def _has_mails(box: Received, number: int) -> bool:
    return len(box.mails) == number
