"""The demo: the whole way of a row, from nothing, again and again; its servers never outlive it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.served import DEAD_PROXIES

DEMO = [sys.executable, "-m", "flows.cli", "demo"]
ROOT = Path(__file__).parent.parent.parent


def _start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("THRONG_", "PREFECT_"))}
    return subprocess.Popen(
        [
            "env",
            "--default-signal=INT",
            *DEMO,
            *options,
        ],  # a shell's background job would ignore Ctrl-C, and its children too
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)} | DEAD_PROXIES,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _children(folder: Path) -> list[str]:
    """Servers whose command or environment names the demo's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(folder).encode() in told and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:120])
        except OSError:  # it ended meanwhile
            continue
    return found


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.2)
    return False


def _stopped_by(number: signal.Signals, folder: Path) -> int:
    """Stop a demo when its servers run; returns its exit code."""
    sign = folder / ".throng/demo/s3/credentials"
    sign.unlink(missing_ok=True)
    demo = _start(folder)
    assert _within(60, sign.exists)
    demo.send_signal(number)
    demo.communicate(timeout=60)
    return demo.returncode


def test_the_demo_leaves_no_server_however_it_ends_and_runs_again(tmp_path: Path) -> None:
    assert _stopped_by(signal.SIGKILL, tmp_path) == -signal.SIGKILL
    assert _within(20, lambda: not _children(tmp_path)), _children(tmp_path)
    assert _stopped_by(signal.SIGINT, tmp_path) == 130
    assert _within(20, lambda: not _children(tmp_path)), _children(tmp_path)

    demo = _start(tmp_path, "--json")
    out, err = demo.communicate(timeout=600)
    assert demo.returncode == 0, err
    told = json.loads(out)
    assert [client["client"] for client in told["clients"]] == ["nordmarkt", "stadtlicht"]
    for client in told["clients"]:
        assert client["published"] >= 0.7
        assert client["median_error"] < 0.25
        assert client["noise_error"] < client["median_error"]
        assert client["verified"] == "verified with the pinned key"
        assert (Path(client["delivery"]) / "README.md").exists()
    assert 0 < told["rho_spent"] < 0.02
    assert _within(20, lambda: not _children(tmp_path)), _children(tmp_path)
    assert list((tmp_path / ".throng/demo/s3/data").iterdir())
