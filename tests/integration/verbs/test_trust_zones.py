"""Each verb runs in a process in which the other zones' paths cannot be read: it could have a role of its own."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.period import Period
from tasks.privacy.noise import production_noise
from tasks.publish import Publish
from tasks.refresh import Refresh
from tasks.refs import EligibleRef, ReleaseRef
from tasks.store import open_landing, open_pseudonymised
from tests.integration.verbs.acting import DAY
from tests.integration.verbs.books import Ended
from tests.integration.verbs.homes import copied, settings
from tests.integration.verbs.place import DELIVER, Place

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
PERIOD = Period.day(DAY)
RAW = ("landing",)
PSEUDONYM_KEYS, DATA_KEYS, DIGEST_KEY, SIGNING_KEYS = (
    f"home/keys/{need}" for need in ("pseudonym", "data", "digest", "signing")
)
ROWS = ("home/lake/presence", "home/lake/month_state", "home/lake/allowed", "home/lake/quarantine")
RELEASES, DELIVERIES = "home/lake/releases", "home/lake/deliveries"


@dataclass(frozen=True)
class Zone:
    """A folder with a home and a landing; `gone`: paths that are not there, `shut`: names without content."""

    folder: Path
    gone: Sequence[str] = ()
    shut: Sequence[str] = ()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def close(self) -> None:
        """From now on this process reads nothing of the other zones: a file stands where their folder was."""
        for name in self.gone:
            path = self.folder / name
            if path.exists():
                path.rename(self.folder / name.replace("/", "."))
            path.touch(mode=0o000)
        shut = tuple(f"{self.folder / name}/" for name in self.shut)

        def refuse(event: str, given: tuple[Any, ...]) -> None:
            if event == "open" and str(given[0]).startswith(shut):
                raise PermissionError(13, "shut", str(given[0]))

        sys.addaudithook(refuse)


@dataclass(frozen=True)
class Refreshed:
    """A landing zone that has refreshed the list before, under another role."""

    ref: EligibleRef

    def refresh(self, period: Period) -> EligibleRef:
        return self.ref

    def changes_since(self, ref: ReleaseRef) -> tuple[str, ...]:
        return ()

    def check_ingested(self, period: Period) -> None:
        """Nothing is known of late files here."""


def refresh(zone: Zone) -> EligibleRef:
    zone.close()
    return Refresh(open_landing(settings(zone.home, zone.landing))).refresh(PERIOD)


def publish(zone: Zone, ref: EligibleRef) -> str:
    zone.close()
    stores = open_pseudonymised(settings(zone.home, zone.landing))
    return str(Publish(stores, production_noise(), Refreshed(ref))("footfall", str(DAY)).outcome)


def people_of_the_release(zone: Zone) -> str | None:
    """The digest of the registers that the release rests on."""
    release = open_pseudonymised(settings(zone.home, zone.landing)).ledger.find("footfall", 3, str(DAY))
    return release.digests["people"] if release else None


def throng(zone: Zone, *words: str) -> tuple[int, str]:
    """The command line's exit code and output."""
    zone.close()
    os.environ |= {"THRONG_HOME": str(zone.home), "THRONG_LANDING": str(zone.landing)}
    os.environ["THRONG_POLICY"] = str(zone.home / "policy.toml")
    os.chdir(zone.folder)
    ran = CliRunner().invoke(app, [*words])
    return ran.exit_code, ran.output


MakeZone = Callable[[Path], Zone]


@pytest.fixture
def zone(place: Place) -> MakeZone:
    """A copy of a home beside a copy of the landing."""

    def make(home: Path) -> Zone:
        made = Zone(Path(mkdtemp(dir=place.root)))
        copied(home, made.home)
        shutil.copytree(place.landing, made.landing)
        return made

    return make


@pytest.fixture(scope="module")
def delivered(place: Place, published: tuple[Path, Ended]) -> Path:
    home = copied(published[0], place.root / "zones")
    place.apply(home, "zones")
    return place.done(DELIVER, home, "zones delivered")[0]


def test_an_ingest_needs_nothing_of_what_clients_get(place: Place, empty: Path, zone: MakeZone) -> None:
    without = replace(zone(empty), gone=(SIGNING_KEYS, DELIVERIES))
    assert place.warm(throng, without, "ingest", str(DAY))[0] == 0


def test_a_refresh_reads_no_row_and_a_draw_reads_neither_registers_nor_pseudonym_keys(
    place: Place, ingested: tuple[Path, Ended], zone: MakeZone
) -> None:
    whole = zone(ingested[0])
    rows = [name for name in ROWS if name != "home/lake/allowed"]
    landing_zone = replace(zone(ingested[0]), gone=(SIGNING_KEYS, RELEASES, DELIVERIES, *rows))
    assert place.warm(refresh, landing_zone) == (ref := place.warm(refresh, whole))
    drawing = replace(whole, gone=(*RAW, PSEUDONYM_KEYS, DIGEST_KEY, SIGNING_KEYS, DELIVERIES))
    assert place.warm(publish, drawing, ref) == "Published"
    assert place.warm(people_of_the_release, whole) == ref.registers


def test_a_delivery_needs_no_row_and_no_key_but_those_that_sign(
    place: Place, published: tuple[Path, Ended], zone: MakeZone
) -> None:
    with_client = copied(published[0], Path(mkdtemp(dir=place.root)) / "with a client")
    place.apply(with_client, "zoned")
    without = replace(zone(with_client), gone=(*RAW, PSEUDONYM_KEYS, DATA_KEYS, DIGEST_KEY, *ROWS))
    code, said = place.warm(throng, without, "deliver", "nordmarkt", "footfall", str(DAY))
    assert code == 0, said


def test_an_expiry_needs_nothing_of_what_clients_get(place: Place, delivered: Path, zone: MakeZone) -> None:
    code, said = place.warm(throng, replace(zone(delivered), gone=(SIGNING_KEYS, DELIVERIES)), "expire")
    assert code == 0, said


def test_a_status_reads_no_row_no_register_and_no_key_but_that_of_digests(
    place: Place, delivered: Path, zone: MakeZone
) -> None:
    without = replace(zone(delivered), gone=("home/lake", SIGNING_KEYS), shut=(*RAW, PSEUDONYM_KEYS, DATA_KEYS))
    code, said = place.warm(throng, without, "status")
    assert code == 0, said


@pytest.mark.parametrize("command", ["budget", "releases", "deliveries", "runs"])
def test_what_happened_is_read_from_the_catalog_alone(
    place: Place, delivered: Path, zone: MakeZone, command: str
) -> None:
    code, said = place.warm(throng, replace(zone(delivered), gone=(*RAW, "home/lake", "home/keys")), command)
    assert code == 0, said
    assert "2026-03" in said


def test_a_client_verifies_without_any_store(place: Place, delivered: Path, zone: MakeZone) -> None:
    client = zone(delivered)
    (kept,) = (client.home / "lake" / "deliveries").rglob("manifest.json")
    received = client.folder / "received"
    shutil.copytree(kept.parents[4], received)
    shutil.copytree(kept.parents[7] / "reference", received / "reference")
    without = replace(client, gone=(*RAW, "home"))
    code, said = place.warm(throng, without, "verify", str(received))
    assert code == 0, said
