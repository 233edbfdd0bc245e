"""`throng serve` as a process of its own, and its API as tests ask it."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tasks.store.database import Database
from tasks.store.locks import Locks
from tests.few_products import policy_of_two
from tests.forked import Command

PATIENCE_SECONDS = 240

DEAD_PROXIES = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "no_proxy": "internal.example",
}
"""As behind a company's proxy, which nothing on this machine may ask."""


def until(true: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What the call returns, once that is true."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.5)  # a question costs the server as much as what it is asked about
    return found


def descendants(pid: int) -> list[int]:
    """Every process below this one; one may end while it is looked at."""
    children: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [below for child in children for below in (int(child), *descendants(int(child)))]


def with_words(pids: Iterable[int], words: str) -> int:
    """The process whose command line has these words in it, separated by spaces."""
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                return pid
    raise LookupError(words)


def alive(pid: int) -> bool:
    """Whether a process is there, and no mere entry of one that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Served:
    """One home with a landing, and the `throng serve` that runs there."""

    home: Path
    landing: Path
    port: int
    options: Sequence[str] = ()
    settings: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[str] | None" = None
    said: Path = field(init=False)
    policy: Path = field(init=False)

    def __post_init__(self) -> None:
        self.said = self.home.with_suffix(".said")
        self.policy = self.home.with_suffix(".policy.toml")
        self.policy.write_text(policy_of_two())

    @property
    def url(self) -> str:
        """The printed address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Of a person's shell who knows this home only."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "THRONG_"))}
        own = {"THRONG_HOME": str(self.home), "THRONG_LANDING": str(self.landing), "THRONG_POLICY": str(self.policy)}
        return kept | own | {"PREFECT_WORKER_QUERY_SECONDS": "2"} | DEAD_PROXIES | self.settings

    def for_shells(self) -> dict[str, str]:
        """What the production shape wrote down, as a shell reads it."""
        file = self.home / "env"
        lines = file.read_text().splitlines() if file.exists() else []
        return dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])

    def throng(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command in this home."""
        command = self.begin(*words)
        code, out = command.answer()
        return subprocess.CompletedProcess(words, code, out, command.said)

    def begin(self, *words: str) -> Command:
        """A command in this home that runs."""
        return Command(words, self.environment(), self.home.parent)

    def start(self) -> None:
        """Start it, and wait until its last worker runs."""
        command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(self.port), *self.options]
        dies_with_us = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [*dies_with_us, *command],
                env=self.environment(),
                stderr=out,
                cwd=self.home.parent,
                text=True,
                start_new_session=True,
            )
        until(lambda: self.process.poll() is not None or "backfill: started" in self.said.read_text())  # type: ignore[union-attr]
        assert self.process.poll() is None, self.said.read_text()

    def signal(self, number: signal.Signals) -> list[int]:
        """Send a signal, and wait for the end; returns the processes that were below it."""
        assert self.process
        below = descendants(self.process.pid)
        self.process.send_signal(number)
        self.process.wait(60)
        return below

    def headers(self) -> dict[str, str]:
        """Who this home's owner is to the API."""
        login = (self.home / "prefect" / "login").read_bytes()
        return {"Authorization": f"Basic {b64encode(login).decode()}", "Content-Type": "application/json"}

    def post(self, path: str, body: object) -> Any:
        """Ask the API; an error's status is the answer then."""
        return self._answer(Request(f"{self.url}/api{path}", json.dumps(body).encode(), self.headers()))

    def get(self, path: str) -> Any:
        """Ask the API."""
        return self._answer(Request(f"{self.url}/api{path}", headers=self.headers()))

    def _answer(self, request: Request) -> Any:
        try:
            with urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            if error.code != 503:
                return error.code
            time.sleep(0.3)  # its SQLite is busy: asking again is what clients do
            return self._answer(request)
        except OSError:  # being started again
            return None

    def deployment(self, name: str) -> Any:
        """A deployment as the API shows it."""
        return self.get(f"/deployments/name/{name}/{name}")

    def ask(self, name: str, **parameters: object) -> str:
        """Ask for a run of a deployment; its id."""
        made = self.answer(name, **parameters)
        assert not isinstance(made, int), made
        return str(made["id"])

    def ask_if_up(self, name: str, **parameters: object) -> str | None:
        """As `ask`; None while what Prefect needs is on its way up."""
        found = self.deployment(name)
        made = self.answer(name, **parameters) if isinstance(found, dict) else None
        return str(made["id"]) if isinstance(made, dict) else None

    def answer(self, name: str, **parameters: object) -> Any:
        """What the API answers to who asks for a run: the run, or an error's status."""
        return self.post(f"/deployments/{self.deployment(name)['id']}/create_flow_run", {"parameters": parameters})

    def run(self, run: str) -> Any:
        """A flow run as the API shows it."""
        return self.get(f"/flow_runs/{run}")

    def becomes(self, run: str, *kinds: str) -> Any:
        """The run, once its state is one of these kinds."""
        return until(lambda: (now := self.run(run)) and now["state_type"] in kinds and now)

    def runs(self, **filters: object) -> list[Any]:
        """Flow runs, oldest first."""
        found = self.post("/flow_runs/filter", filters) or []
        return sorted(found, key=lambda run: str(run["created"]))

    def children(self, run: str) -> list[Any]:
        """The runs that a run started."""
        return self.runs(flow_runs={"parent_flow_run_id": {"any_": [run]}})

    def warnings(self, run: str) -> list[str]:
        """The lines of a run's log, from warnings on."""
        asked = {"flow_run_id": {"any_": [run]}, "level": {"ge_": 30}}
        return [line["message"] for line in self.post("/logs/filter", {"logs": asked}) or []]

    def doing(self, run: str) -> set[str]:
        """The kinds of states of what a run does."""
        tasks = self.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}}) or []
        return {task["state_type"] for task in tasks}

    def in_books(self, run: str) -> list[tuple[str, int]]:
        """How the catalog says that a run's rows ended: outcome and exit code; those that have not are left out."""
        rows = json.loads(self.throng("runs", "--json").stdout)["runs"]
        return [(row["outcome"], row["exit"]) for row in rows if run in str(row["page"]) and row["outcome"]]

    def worker(self, queue: str) -> int:
        """The process of a queue's worker."""
        assert self.process
        return with_words(descendants(self.process.pid), f"--work-queue {queue} ")

    @contextmanager
    def held(self, day: str) -> Iterator[None]:
        """Whatever ingests the day waits: another process has its lock."""
        database = Database(f"sqlite:///{self.home / 'catalog.db'}")
        with Locks(database).hold(f"day-{day}"):
            yield
        database.engine.dispose()

    def in_its_ingest(self, run: str) -> Any:
        """The run, once it runs and has started an ingest that runs."""
        until(lambda: [child for child in self.children(run) if child["state_type"] == "RUNNING"])
        return self.run(run)
