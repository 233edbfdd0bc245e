import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from tasks.services.postgres import serve
from tests.refusals import refused

_OWNER = """
import sys, time
from pathlib import Path
from tasks.services.postgres import serve
with serve(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


def answers(url: str) -> bool:
    host, port = url.rpartition("@")[2].partition("/")[0].split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_the_database_persists_and_its_password_too() -> None:
    with TemporaryDirectory() as folder:
        with serve(Path(folder)) as first, psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        assert not answers(first.url)
        with serve(Path(folder)) as again, psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
        assert first.password == again.password


def test_a_killed_server_is_started_again_where_it_was_and_keeps_its_data() -> None:
    with TemporaryDirectory() as folder, serve(Path(folder)) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        first = server.process
        assert first
        first.kill()
        first.wait()
        for _ in range(100):  # what it leaves of its memory may hold up the next one for a moment
            if server.process and server.process.poll() is not None:
                server.start()
            if answers(server.url):
                break
            time.sleep(0.1)
        for _ in range(100):
            with suppress(psycopg.OperationalError), psycopg.connect(server.url) as connection:
                assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
                return
            time.sleep(0.1)
        raise AssertionError("it did not come back")


def test_nobody_enters_without_the_password(postgresql: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgresql.replace(postgresql.partition("@")[0], "postgresql://throng:guess"))


def test_the_server_ends_with_its_owner_however_that_ends() -> None:
    with TemporaryDirectory() as folder:
        owner = subprocess.Popen([sys.executable, "-c", _OWNER, folder], stdout=subprocess.PIPE, text=True)
        assert owner.stdout
        url = owner.stdout.readline().strip()
        assert answers(url)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        owner.stdout.close()
        for _ in range(300):
            if not answers(url) and not (Path(folder) / "data" / "postmaster.pid").exists():
                break
            time.sleep(0.1)
        assert not answers(url)


def test_ctrl_c_of_its_owners_terminal_does_not_reach_the_server() -> None:
    with TemporaryDirectory() as folder, serve(Path(folder)):
        server = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
        assert os.getsid(server) != os.getsid(0)
        assert os.getpgid(server) != os.getpgid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give its folder to another user")
def test_a_folder_out_of_the_servers_reach_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with refused("services.folder_unreachable"), serve(closed / "postgres"):
        pass


def test_the_server_learns_nothing_of_its_owners_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with TemporaryDirectory() as folder, serve(Path(folder)):
        server = (Path(folder) / "data" / "postmaster.pid").read_text().split()[0]
        assert b"hunter2" not in Path(f"/proc/{server}/environ").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_beside_its_data_the_servers_user_owns_nothing_and_its_links_lead_nowhere() -> None:
    with TemporaryDirectory() as root:
        Path(root).chmod(0o711)
        victim, folder = Path(root) / "victim", Path(root) / "postgres"
        victim.write_text("root's own")
        folder.mkdir()
        shutil.chown(folder, "nobody")
        (folder / "programs").mkdir()
        shutil.chown(folder / "programs", "nobody")
        for name in ("server.log", "password"):
            (folder / name).symlink_to(victim)
        for _ in range(2):
            with serve(folder) as running, psycopg.connect(running.url):
                owners = {path.name: path.lstat().st_uid for path in (folder, *folder.iterdir())}
                assert {name for name, owner in owners.items() if owner} == {"data"}
                server = (folder / "data" / "postmaster.pid").read_text().split()[0]
                assert Path(f"/proc/{server}").stat().st_uid
                assert {(folder / name).stat().st_mode & 0o777 for name in ("server.log", "password")} == {0o600}
        assert victim.read_text() == "root's own"
