"""`throng demo`: the whole way of a row, on this machine."""

import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.app import app
from flows.cli.output import CommandOutput, command, listing

if TYPE_CHECKING:
    from tasks.deliverable.verifier.index_history import Verified

HOME = Path(".throng/demo")
DAY = date(2026, 3, 3)
SUBSCRIBERS, ZONES, OPT_IN, SEED = 16_000, 14, 0.85, 7
GRANTED = {"nordmarkt": "*", "stadtlicht": "D001"}
"""One client has every zone, the other one district."""


@command(app, "throng demo")
def demo() -> CommandOutput:
    """Show the whole way of a row: a city's events, to two clients."""
    from flows.cli.demo_stage import stage

    started, home = time.monotonic(), HOME.absolute()
    with stage(home) as (wait_for_pages, endpoint):
        _simulate(home / "landing")
        _apply_clients(home, endpoint)
        wait_for_pages()
        _run_flows()
        lines = [_received(home, client) for client in GRANTED]
    return _told(lines, time.monotonic() - started)


def _simulate(landing: Path) -> None:
    """A process of its own gives the memory back that a city takes."""
    from flows.cli.progress import show_progress

    city = (
        f"--subscribers {SUBSCRIBERS} --zones {ZONES} --opt-in {OPT_IN} --days 1 --start {DAY} --seed {SEED} --census"
    )
    command = [sys.executable, "-m", "flows.cli", "simulate", str(landing), *city.split()]
    with show_progress(f"simulate {SUBSCRIBERS:,} subscribers"):
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  (our own command line)


def _apply_clients(home: Path, endpoint: str) -> None:
    from flows.cli.clients import apply
    from flows.cli.demo_stage import BUCKETS
    from tasks.services.client_file import client_file

    for name, zones in GRANTED.items():
        (home / f"{name}.toml").write_text(client_file(name, BUCKETS[name], endpoint, DAY, DAY, zones))
    apply([home / f"{name}.toml" for name in GRANTED])


def _run_flows() -> None:
    """Ingest, publish, deliver: each a flow run with its page."""
    from flows.cli.runner import run

    run("ingest", {"day": DAY})
    run("publish", {"product": "footfall", "period": str(DAY)})
    for client in GRANTED:
        run("deliver", {"client": client, "product": "footfall", "period": str(DAY)})


def _received(home: Path, client: str) -> dict[str, Any]:
    """Download a client's bucket as the client would, verify it offline, and compare it with the truth."""
    from flows.cli.demo_score import score

    folder = home / "clients" / client
    _download(client, folder)
    verified = _verified(folder)
    (delivery,) = verified.deliveries
    (zone_hours,) = folder.glob("footfall/v3/data/zone_hour/*/*/*/footfall.parquet")
    facts = {"rows": delivery.rows, **score(zone_hours, home / "landing")}
    return {"client": client, **facts, "verified": verified.verdict, "delivery": folder / delivery.path}


def _download(client: str, folder: Path) -> None:
    from tasks.client_state import client_spec
    from tasks.store import open_released

    stores = open_released()
    bucket = stores.buckets.open(client_spec(stores, client).destination)
    for key in bucket.sizes():
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bucket.get(key))


def _verified(folder: Path) -> "Verified":
    """Verify as the client would who has our public key from another way than the delivery itself."""
    from flows.cli.verify_hint import export_public_key
    from tasks.store import open_released
    from tasks.verify import Verify

    return Verify()(str(folder), export_public_key(open_released()))


def _told(lines: list[dict[str, Any]], seconds: float) -> CommandOutput:
    from tasks.privacy.accounting import rho_of
    from tasks.store import open_catalog

    (month,) = open_catalog().ledger.months()
    cost = {"rho_spent": rho_of(month.spent), "rho_cap": rho_of(month.cap)}
    shares = {
        "published": "published",
        "median_error": "panel: median error",
        "noise_error": "of noise alone",
        "people_error": "people: median error",
        "people_in_interval": "in interval",
    }
    rows = [
        {"client": line["client"], "rows": line["rows"]}
        | {shown: f"{line[name]:.1%}" for name, shown in shares.items()}
        | {"delivery": line["verified"]}
        for line in lines
    ]
    say = [
        *listing(f"{SUBSCRIBERS:,} subscribers on {DAY}", rows),
        "The panel is who opted in; its error is of noise, and of antennas that hear phones of the next zone.",
        "People are all residents, estimated with a census: 90 % of intervals should hold the true number.",
        f"rho spent: {cost['rho_spent']:.4f} of {cost['rho_cap']:g} for a subscriber's month. {seconds:.0f} seconds.",
        "",
        *_where_next(lines),
    ]
    return CommandOutput({"clients": lines, **cost, "seconds": round(seconds, 1)}, say)


def _where_next(lines: list[dict[str, Any]]) -> list[str]:
    """Commands and files to look at, ready to paste."""
    folder = Path(lines[0]["delivery"]).relative_to(Path.cwd())
    return [
        "Where to look next (after `. .venv/bin/activate`):",
        f"  {folder}/README.md   what a client reads first",
        f"  throng verify {HOME}/clients/{lines[0]['client']} --public-key {HOME}/throng-public.pem",
        f"  THRONG_HOME={HOME} throng runs --day {DAY}   why rows were not used, and the gate",
        f"  THRONG_HOME={HOME} throng budget --month {DAY:%Y-%m}   what was charged",
        f"  THRONG_HOME={HOME} THRONG_LANDING={HOME}/landing throng serve   every run's page, behind a login",
        f"  {HOME}/landing/truth   where each person really was",
        "Running the demo again starts from nothing.",
    ]
