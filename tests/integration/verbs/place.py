"""Where verbs are performed, killed and performed again: processes, homes, a landing, and a client's bucket."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

from tests.forked import KILLED, Forks
from tests.integration.verbs.acting import DAY, Act, apply, in_bucket, perform
from tests.integration.verbs.books import Ended
from tests.integration.verbs.homes import copied, new_home, prepare, removed

CLIENT = """[client]
name = "nordmarkt"
contact = "data@nordmarkt.example"
[destination]
bucket = "nordmarkt-insights"
prefix = "{prefix}"
region = "eu-central-1"
endpoint_url = "{endpoint}"
profile = "nordmarkt"
[[grants]]
product = "footfall"
zones = ["*"]
from = 2026-03-03
until = 2026-03-03
formats = [{formats}]
deliver_by = "09:00"
"""
INGEST, PUBLISH = Act("ingest", (DAY,)), Act("publish", ("footfall", str(DAY)))
DELIVER = Act("deliver", ("nordmarkt", "footfall", str(DAY)))


@dataclass(frozen=True)
class Killed:
    """One attempt: where it died, what was drawn and which files of a second generation were left, and the rerun."""

    border: str
    home: Path
    rested: dict[str, str]
    candidates: int
    again: Ended


@dataclass(frozen=True)
class Place:
    """Where acts are performed: processes, a folder for homes, and the landing."""

    warm: Forks
    root: Path
    landing: Path
    endpoint_url: str
    server: str | None = None
    """URL of the PostgreSQL server on which each home has its database; None: SQLite in each home."""

    @cached_property
    def empty(self) -> Path:
        """The home before anything; this one and the next two are made when first asked for."""
        return self.new("empty")

    @cached_property
    def ingested(self) -> tuple[Path, Ended]:
        """The home whose day is taken in."""
        return self.done(INGEST, self.empty, "ingested")

    @cached_property
    def published(self) -> tuple[Path, Ended]:
        """The home whose footfall is published."""
        return self.done(PUBLISH, self.ingested[0], "published")

    def new(self, name: str) -> Path:
        """An empty home with its keys."""
        home = self.root / name
        new_home(home, self.server)
        self.warm(prepare, home, self.landing)
        return home

    def with_more_files(self, content: bytes = b"") -> "Place":
        """The landing with more event files: the content's bytes, or rows that are there already."""
        landing = Path(mkdtemp(dir=self.root)) / "landing"
        shutil.copytree(self.landing, landing)
        first = min(landing.glob(f"events/date={DAY}/part-*"))
        for number in range(4):
            first.with_name(f"more-{number}{first.suffix}").write_bytes(content or first.read_bytes())
        return replace(self, landing=landing)

    def apply(self, home: Path, prefix: str, formats: str = '"parquet", "delta"') -> None:
        """Give the home a client, whose folder in the bucket has that name."""
        folder = f"{self.root.name}-{prefix}"
        self.warm(apply, home, self.landing, CLIENT.format(prefix=folder, endpoint=self.endpoint_url, formats=formats))

    def in_a_fresh_folder(self, home: Path) -> None:
        """Give the home a client with an empty folder in the bucket."""
        self.apply(home, home.parent.name)

    def done(self, act: Act, before: Path, name: str) -> tuple[Path, Ended]:
        """The act without a kill, in a copy of the home."""
        home = copied(before, Path(mkdtemp(dir=self.root)) / name)
        return home, self.warm(perform, act, home, self.landing)

    def killed(
        self,
        act: Act,
        before: Path,
        borders: Sequence[str],
        at: Iterable[int],
        ready: Callable[[Path], None] = lambda home: None,
    ) -> Iterator[Killed]:
        """The act killed at each border, each time in a copy of the home made ready, and performed again there."""
        for number in at:
            home = copied(before, Path(mkdtemp(dir=self.root)) / "killed")
            ready(home)
            border = f"{number}: {borders[number - 1]}"
            assert self.warm(perform, act, home, self.landing, number) == KILLED, border
            rested, candidates = drawn(home), len(list(home.glob("lake/**/generation=2/**/*.*")))
            yield Killed(border, home, rested, candidates, self.warm(perform, act, home, self.landing))
            removed(home)


def drawn(home: Path) -> dict[str, str]:
    """sha256 of each release's bytes, staged or in place."""
    files = [*home.glob("lake/staging/releases/**/*.parquet"), *home.glob("lake/releases/**/*.parquet")]
    return {str(file.parent).partition("releases/")[2]: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def check_bucket(place: Place, home: Path, border: str) -> None:
    """The bucket holds the stored bytes, nothing else but the index, and verifies."""
    found, stored, verdict = place.warm(in_bucket, home, place.landing, "nordmarkt")
    assert found == stored, border
    assert verdict == "verified with the pinned key", border
