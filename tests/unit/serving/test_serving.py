"""What `throng serve` is made of, each by itself; the whole is in `tests/end_to_end/test_serve.py`."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from flows.alerting.dispatcher import running_dispatcher
from flows.serving import managed_process as children
from flows.serving import services
from flows.serving.api import Api, RunState, Unreachable
from flows.serving.lockfile import exclusive, running_api, serve_lock, write_address
from flows.serving.login import login, login_file, stored_login
from flows.serving.managed_process import ManagedProcess, start_logged
from flows.serving.prefect_server import is_up, prefect_server, use_server
from flows.serving.process_identity import gone, this_process
from flows.serving.server_config import ServerConfig
from flows.serving.supervisor import Supervisor
from tasks import settings
from tasks.alerts import Alert
from tasks.env_files import check_home
from tasks.errors import Misconfigured
from tasks.events.landing import closes
from tasks.policy_file import load
from tests.receivers import webhook
from tests.served import until

API = "http://127.0.0.1:4200/api"


def test_an_address_is_announced_only_while_its_process_lives(tmp_path: Path) -> None:
    assert running_api(tmp_path) is None
    with serve_lock(tmp_path):
        assert running_api(tmp_path) is None
        write_address(tmp_path, API)
        assert running_api(tmp_path) == API
        assert (tmp_path / "serve.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(Misconfigured, match=r"Another `throng serve` runs in .*4200"), serve_lock(tmp_path):
            pass
        assert running_api(tmp_path) == API
        left = (tmp_path / "serve.json").read_text()
    own = str(this_process())
    killed = own.replace(f" {os.getpid()} ", " 999999999 ")
    (tmp_path / "serve.json").write_text(left.replace(own, killed))
    assert running_api(tmp_path) is None
    (tmp_path / "serve.json").write_text("{")
    assert running_api(tmp_path) is None


def _python(log: Path, code: str) -> ManagedProcess:
    return ManagedProcess("child", log, partial(start_logged, [sys.executable, "-c", code], log))


def test_a_child_that_does_not_live_is_started_later_each_time(tmp_path: Path) -> None:
    child = _python(tmp_path / "logs" / "short.log", "print('said')")
    waits = []
    for _ in range(8):
        assert (child.due, child.not_before) == (True, 0)
        child.start({})
        assert child.process
        child.process.wait()
        assert child.exited() == 0
        assert (child.exited(), child.due) == (None, False)
        waits.append(round(child.not_before - time.monotonic()))
        child.not_before = 0
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert child.log.read_text() == "said\n" * 8


def test_a_child_that_does_not_heed_a_stop_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    )
    child = _python(tmp_path / "deaf.log", deaf)
    child.start({})
    while not child.log.read_text():
        time.sleep(0.05)
    process = child.process
    child.terminate()
    child.wait(0.2)
    assert process
    assert process.returncode == -9


def test_a_log_keeps_its_last_part_and_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_BYTES", 10)
    child = _python(tmp_path / "wordy.log", "")
    child.rotate_log()
    for text in ("first", "much more than that", "then"):
        with child.log.open("a") as log:
            log.write(text)
        child.rotate_log()
    assert child.log.read_text() == "then"
    assert (tmp_path / "wordy.log.1").read_text() == "firstmuch more than that"


def test_a_process_is_gone_when_it_ended_and_nobody_elses_is() -> None:
    own = this_process()
    assert own
    machine, number, began = own.split()
    assert not gone(own)
    assert gone(f"{machine} {number} {int(began) + 1}")  # the number came again
    with subprocess.Popen(["/bin/true"]) as short:
        short.wait()
    assert gone(f"{machine} {short.pid} {began}")
    for of_others in (None, "", "4711", f"elsewhere {number} 1", f"{machine} x 1"):
        assert not gone(of_others)


def test_the_schedule_follows_from_the_policy() -> None:
    from flows.serving.deployments import hourly

    time_, today = load().policy.time, date(2026, 3, 1)
    assert hourly(time_, today) == "5 * * * *"
    assert hourly(time_.model_copy(update={"close_after": 6.5}), today) == "35 * * * *"
    assert hourly(time_.model_copy(update={"close_after": 0.95}), today) == "2 * * * *"
    assert hourly(time_.model_copy(update={"landing_timezone": "Asia/Kathmandu"}), today) == "20 * * * *"


@pytest.mark.parametrize(("zone", "slots_an_hour"), [("Europe/Berlin", 1), ("Australia/Lord_Howe", 2)])
def test_no_hour_of_a_year_lacks_its_slot_and_none_comes_late_after_a_folder_closes(
    zone: str, slots_an_hour: int
) -> None:
    from prefect.server.schemas.schedules import CronSchedule

    from flows.serving.deployments import MARGIN_MINUTES, hourly

    time_ = load().policy.time.model_copy(update={"timezone": zone, "landing_timezone": zone})
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    schedule = CronSchedule(cron=hourly(time_, first.date()), timezone="UTC")
    slots: set[datetime] = set()
    for days in range(0, 365, 15):  # Prefect gives at most a thousand slots at once
        begin = first + timedelta(days)
        dates = asyncio.run(schedule.get_dates(1_000, begin, min(begin + timedelta(15), last)))
        slots |= {datetime.fromtimestamp(slot.timestamp(), UTC) for slot in dates}
    found = sorted(slots)
    assert len(found) >= 365 * 24 * slots_an_hour
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1) / slots_an_hour}
    for days in range(360):
        assert closes(first.date() + timedelta(days), time_) + timedelta(minutes=MARGIN_MINUTES) in slots


def test_an_address_that_others_reach_needs_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    everywhere = ServerConfig(tmp_path, "0.0.0.0", 0)
    with pytest.raises(Misconfigured, match="nobody has chosen a password"):
        everywhere.check()
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "throng:secret")
    everywhere.check()
    assert everywhere.settings()["PREFECT_SERVER_API_AUTH_STRING"] == "throng:secret"
    assert everywhere.settings()["PREFECT_API_AUTH_STRING"] == "throng:secret"
    with pytest.raises(Misconfigured, match="cannot be used"):
        ServerConfig(tmp_path, "no such host").check()
    assert ServerConfig(tmp_path, "::1").url == "http://[::1]:4200"
    assert os.uname().nodename in everywhere.url


def test_a_login_that_nobody_gave_is_made_once_for_the_homes_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    assert stored_login(tmp_path) is None
    first = login(tmp_path)
    user, _, password = first.partition(":")
    assert (user, len(password) >= 40) == ("throng", True)
    assert login_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert login_file(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    assert login(tmp_path) == stored_login(tmp_path) == first
    assert ServerConfig(tmp_path).settings()["PREFECT_API_AUTH_STRING"] == first
    assert login(tmp_path / "another") != first


def test_a_given_login_is_used_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    login(tmp_path)
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "me:chosen")
    assert login(tmp_path) == "me:chosen"
    assert stored_login(tmp_path) is None


def test_our_own_server_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as server, webhook() as proxy:
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("NO_PROXY", "intranet.example")
        monkeypatch.setenv("http_proxy", proxy.http.removesuffix("/hook"))
        assert is_up(server.http)
        Api(server.http, "throng:secret").set_state("1", RunState("CRASHED", "Crashed", "gone"))
        assert (len(server.words), len(server.calls)) == (1, 1)
        assert (proxy.words, proxy.calls) == ([], [])


def test_prefect_is_not_started_nor_asked_where_others_can_write_the_dotenv_file_that_it_reads_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_API_URL", API)
    (tmp_path / ".env").write_text("PREFECT_LOGGING_SETTINGS_PATH=/elsewhere/logging.yml\n")
    (tmp_path / ".env").chmod(0o666)
    with pytest.raises(Misconfigured, match="chmod go-w"):
        use_server()
    with pytest.raises(Misconfigured, match="chmod go-w"), prefect_server(tmp_path / "prefect"):
        pass
    assert not (tmp_path / "prefect").exists()


def test_the_folder_of_a_demo_can_be_a_home_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with exclusive(tmp_path / ".throng" / "demo.lock", Misconfigured("", "", "")):
            check_home(tmp_path / ".throng")
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lets another user through")
def test_who_may_pass_through_to_postgresql_finds_all_beside_it_closed(tmp_path: Path) -> None:
    home = tmp_path / ".throng" / "up"
    (home / "postgres").mkdir(parents=True, mode=0o711)
    for beside in (home.parent / "status.html", home / "metrics.prom"):
        beside.touch(mode=0o644)
    (home / "lake").mkdir(mode=0o755)
    services._let_in(home)
    seen = {path.name: oct(path.stat().st_mode & 0o077) for path in (home.parent, *home.parent.rglob("*"))}
    passed = dict.fromkeys((".throng", "up", "postgres"), True)
    assert {name: mode != "0o0" for name, mode in seen.items()} == {
        **dict.fromkeys(("status.html", "metrics.prom", "lake"), False),
        **passed,
    }


def test_the_shape_says_how_to_fill_an_empty_landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing, today = tmp_path / "a landing", date(2026, 3, 9)
    landing.mkdir()
    monkeypatch.setenv("THRONG_HOME", str(tmp_path))
    monkeypatch.setenv("THRONG_LANDING", str(landing))
    days = load().policy.time.catch_up_days
    first = today - timedelta(days)
    said = "\n".join(services._hints(tmp_path, today))
    assert f"throng simulate '{landing}' --subscribers 16000 --zones 14 --days {days} --start {first} --seed 7" in said
    assert f"throng backfill {first} 2026-03-08 --dry-run" in said
    (landing / "events").mkdir()
    assert "simulate" not in "\n".join(services._hints(tmp_path, today))


def test_a_home_remembers_what_the_shape_knows_and_what_a_person_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("THRONG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    (home / "env").touch(mode=0o600)
    own = "# ours\nTHRONG_POLICY=stricter.toml\nexport THRONG_ALERTS=jsons://b.example\nTHRONG_DATABASE_URL=sqlite:////old\n"
    (home / "env").write_text(own)
    monkeypatch.setenv("THRONG_HOME", "home")
    monkeypatch.setenv("THRONG_LAKE", "o'brien/lake")
    monkeypatch.setenv("THRONG_MEMORY_LIMIT", "1GB")
    for _ in range(2):  # each start
        services._remember(home, services._in_force(home) | {"THRONG_DATABASE_URL": "postgresql://throng@db/throng"})
        monkeypatch.delenv("THRONG_LAKE", raising=False)
    monkeypatch.delenv("THRONG_MEMORY_LIMIT")
    monkeypatch.setenv("THRONG_HOME", str(home))
    monkeypatch.chdir("/")
    found = settings.load()
    assert (found.landing, found.lake) == (str(home / "landing"), str(tmp_path / "o'brien/lake"))
    assert (found.policy, found.memory_limit) == (home / "stricter.toml", "1GB")
    assert found.alerts
    assert (found.alerts.get_secret_value(), found.database) == ("jsons://b.example", "postgresql://throng@db/throng")
    lines = (home / "env").read_text().splitlines()
    assert lines[0] == "# ours"
    assert len(lines) == len(set(lines)) == 8
    assert [path.name for path in home.iterdir()] == ["env"]
    assert (home / "env").stat().st_mode & 0o777 == 0o600


def test_a_landing_that_the_home_names_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THRONG_LANDING", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(tmp_path))
    (tmp_path / "env").touch(mode=0o600)
    (tmp_path / "env").write_text("THRONG_LANDING=/data/landing\n")
    assert services._in_force(tmp_path)["THRONG_LANDING"] == "/data/landing"


@pytest.mark.parametrize("answer", [b"Content-Length: 99\r\n\r\nhalf", b"Content-Length: 4\r\n\r\nhalf", b""])
def test_a_server_that_is_killed_in_the_middle_of_its_answer_does_not_answer(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def half() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + answer)

        Thread(target=half).start()
        with pytest.raises(Unreachable):
            Api(f"http://127.0.0.1:{server.getsockname()[1]}/api", "throng:word").runs()


@dataclass
class Sleeper:
    """A server beside ours, which does nothing for so long."""

    log: Path
    seconds: str = "60"
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "subprocess.Popen[bytes]":
        self.process = subprocess.Popen(["sleep", self.seconds])
        return self.process


def _service(name: str, server: Sleeper) -> ManagedProcess:
    return ManagedProcess(name, server.log, lambda _: server.start(), server.process)


def _supervisor(home: Path, alert: Callable[[Alert], None], said: list[str], service: ManagedProcess) -> Supervisor:
    """One whose Prefect never starts."""
    supervisor = Supervisor(ServerConfig(home), alert, "", said.append, [service])
    for child in (supervisor._server, *supervisor._workers.values()):
        child.not_before = float("inf")
    return supervisor


def test_a_killed_server_beside_ours_is_reaped_named_and_started_again(tmp_path: Path) -> None:
    server, said = Sleeper(tmp_path / "server.log"), list[str]()
    server.start()
    first = server.process
    assert first
    supervisor = _supervisor(tmp_path, print, said, _service("PostgreSQL", server))
    first.kill()
    end = time.monotonic() + 10
    while len(said) < 2 and time.monotonic() < end:
        supervisor._restart_exited()
        time.sleep(0.01)
    assert [line.partition(":")[0] for line in said] == ["PostgreSQL", "PostgreSQL"]
    assert "SIGKILL" in said[0]
    assert str(server.log) in said[0]
    assert not Path(f"/proc/{first.pid}").exists(), "a zombie"
    assert server.process
    assert server.process.poll() is None
    server.process.kill()
    server.process.wait()


def test_a_server_that_does_not_come_back_is_told_once(tmp_path: Path) -> None:
    server, said = Sleeper(tmp_path / "server.log", "0"), list[str]()
    server.start()
    with (
        webhook() as hook,
        running_dispatcher(settings.Settings(home=tmp_path, alerts=hook.url), gather=0.1) as (dispatcher, _),
    ):
        service = _service("S3", server)
        supervisor = _supervisor(tmp_path, dispatcher.enqueue, said, service)
        while service.ends < 7:
            service.not_before = 0
            supervisor._restart_exited()
            time.sleep(0.01)
        until(lambda: hook.calls, 10)
    (alert,) = hook.alerts
    assert (alert.kind, alert.subject) == ("service_down", "S3")
    assert len(hook.calls) == 1
    assert sum("started again" in line for line in said) >= 4


def test_a_runs_name_cannot_forge_a_line_on_the_terminal(tmp_path: Path) -> None:
    said: list[str] = []
    Supervisor(ServerConfig(tmp_path), print, "", said.append)._tell("ended", ["größer\n12:00 server: up\x1b[2J\u202e"])
    assert said == ["flow run größer?12:00 server: up?[2J?: ended"]
