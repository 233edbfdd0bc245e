"""Prefect's server and the workers: started in order, started again when they end, stopped in order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from flows.alerting.dispatcher import SERVICE_DOWN
from flows.serving.api import Api, Unreachable
from flows.serving.lockfile import write_address
from flows.serving.login import AUTH, login, login_file
from flows.serving.managed_process import ManagedProcess, start_logged
from flows.serving.prefect_server import wait_until_up
from flows.serving.run_reaper import dead_runs, reap, reap_orphans, resubmit
from flows.serving.server_config import ALERT_ADDRESS, QUEUES, ServerConfig
from tasks.alerts import Alert
from tasks.errors import StorageUnavailable, ThrongError
from tasks.store import open_catalog

Say = Callable[[str], None]

TICK_SECONDS = 0.2
SWEEP_SECONDS = 10
ALARMING_ENDS = 5
"""Consecutive ends, within half a minute, that raise an alert."""

STOP_SECONDS = 10
ASK_AGAIN_SECONDS = 1
LOOK_BACK = timedelta(days=1)
"""Runs that died within this time are reported, also if `serve` was down then."""


class Supervisor:
    """Everything of one `throng serve`; says each change of state in a line."""

    def __init__(
        self,
        place: ServerConfig,
        alert: Callable[[Alert], None],
        alert_address: str,
        say: Say,
        services: Sequence[ManagedProcess] = (),
    ) -> None:
        self._place, self._alert, self._alert_address = place, alert, alert_address
        self._say, self._services = say, services
        self._api = Api(place.api, login(place.home))
        self._server = place.server()
        self._workers = {queue: place.worker(queue) for queue in QUEUES}
        self._swept = float("-inf")
        self._closed = frozenset[str]()

    def run(self) -> None:
        """Serve until interrupted."""
        # A shell's background job starts with SIGINT ignored, its children too: workers would not stop.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._open()
            while True:
                self._restart_exited()
                self._sweep()
                time.sleep(TICK_SECONDS)
        finally:
            self._stop()

    def _open(self) -> None:
        """Start the server, and put deployments and automations there."""
        self._say(f"server: starting, logs in {self._place.log('server').parent}")
        self._place.prefect.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server.start(self._place.settings())
        wait_until_up(self._place.api, self._server)
        self._say(f"server: up, see {self._place.url}")
        self._say(f"login: the page asks once for user:password, {_known_from(self._place)}")
        self._deploy()
        write_address(self._place.home, self._place.api)

    def _deploy(self) -> None:
        """In a process of its own, which gives the memory back that Prefect and the flows take."""
        log, own = self._place.log("deployments"), {ALERT_ADDRESS: self._alert_address}
        done = start_logged([sys.executable, "-m", "flows.serving.deployments"], log, self._place.settings() | own)
        if done.wait():
            raise StorageUnavailable(
                "Prefect's server did not take the deployments.", f"Read {log}, then try again.", "serve.not_deployed"
            )
        self._say(f"deployments: {log.read_text().strip().splitlines()[-1]}")

    def _restart_exited(self) -> None:
        """Notice which children have ended, and start those whose time has come."""
        for child in self._children():
            code = child.exited()
            if code is not None:
                self._note(child, _how(code))
        for child in (*self._services, self._server):
            if child.due:
                child.start(self._place.settings())
                self._say(f"{child.name}: started again")
        for queue, worker in self._workers.items():
            if worker.due:
                self._start(queue, worker)

    def _children(self) -> Iterator[ManagedProcess]:
        yield from (*self._services, self._server, *self._workers.values())

    def _note(self, child: ManagedProcess, how: str) -> None:
        """A child has ended; repeated ends raise an alert."""
        wait = child.not_before - time.monotonic()
        self._say(f"{child.name}: ended ({how}), starts again in {wait:.0f} s; see {child.log}")
        if child.ends >= ALARMING_ENDS:
            what = f"It has ended {child.ends} times in a row ({how}); it is started again each minute."
            self._alert(Alert(SERVICE_DOWN, child.name, what, f"Read the end of {child.log}."))

    def _start(self, queue: str, worker: ManagedProcess) -> None:
        """Start a worker, once nothing of the one before it is left."""
        try:
            left = reap(self._api, queue)
        except Unreachable:
            worker.not_before = time.monotonic() + ASK_AGAIN_SECONDS
            return
        self._tell("killed in mid-run, marked Crashed", left)
        self._swept = float("-inf") if left else self._swept  # what they had started has ended with them
        worker.start(self._place.settings())
        self._say(f"{worker.name}: started")

    def _sweep(self) -> None:
        if time.monotonic() < self._swept + SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        for child in self._children():
            child.rotate_log()
        with suppress(Unreachable):
            self._close_dead_runs()

    def _close_dead_runs(self) -> None:
        """Close runs that died, on their pages and in the catalog."""
        self._tell("its process or the run that started it has ended, marked so", reap_orphans(self._api))
        found = dead_runs(self._api, (datetime.now(UTC) - LOOK_BACK).isoformat())
        new = {run: how for run, how in found.items() if run not in self._closed}
        try:
            if new:
                open_catalog().catalog.end_runs(new)
        except ThrongError as error:
            self._say(f"catalog: runs that died are closed later ({type(error).__name__})")
            return
        self._closed = frozenset(found)

    def _stop(self) -> None:
        """Workers first, with what they run; then runs are handed over; the server last."""
        self._say("stopping")
        for worker in self._workers.values():
            worker.terminate()
        for worker in self._workers.values():
            worker.wait(STOP_SECONDS)
        try:
            for queue in self._workers:
                self._tell("interrupted, goes on when Throng is started again", resubmit(self._api, queue))
            self._close_dead_runs()
        except Unreachable:
            self._say("server: does not answer; what was interrupted goes on at the next start all the same")
        self._server.terminate()
        self._server.wait(STOP_SECONDS)

    def _tell(self, what: str, names: list[str]) -> None:
        for name in names:
            self._say(f"flow run {_printable(name)}: {what}")


def _known_from(place: ServerConfig) -> str:
    return f"from {AUTH}" if os.environ.get(AUTH) else f"which are in {login_file(place.home)}"


def _printable(name: str) -> str:
    """Who asks for a run names it, and a terminal obeys what is not printable."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
