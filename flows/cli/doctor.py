"""What `throng doctor` looks at, in the order in which one thing needs another; creates nothing, shows no secret."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.finding import Finding
from tasks.errors import Misconfigured, RejectedInput, StorageUnavailable, ThrongError
from tasks.settings import Settings, load
from tasks.step import sanitised

if TYPE_CHECKING:
    from tasks.store.buckets import Buckets
    from tasks.store.catalog import Catalog
    from tasks.store.client_spec import Destination
    from tasks.store.database import Database

LANDING_FILES = ("cells", "zones.geojson", "subscribers", "consents")
LEAST_FREE_GB = 2


def examine() -> Iterator[Finding]:
    """Look at everything; without settings nothing else can be looked at."""
    try:
        settings = load()
    except ThrongError as error:
        yield Finding("settings", fault=error)
        return
    said: dict[str, str] = {}
    for subject, look in LOOKS.items():
        found = _finding(subject, partial(look, settings))
        what = found.fault.what if found.fault else ""
        yield Finding(subject, waits_for=said[what]) if what in said else found
        if found.fault and found.fault.code.partition(".")[0] == subject:
            said[what] = subject
    yield from _of_catalog(settings)


def _finding(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, sanitised("doctor", look))
    except ThrongError as error:
        return Finding(subject, fault=error)


def _settings(settings: Settings) -> str:
    given = sorted(name for name in os.environ if name.startswith("THRONG_"))
    files = ", ".join(str(file) for file in (settings.home.absolute() / "env", Path(".env")) if file.is_file())
    also = f"; also read: {files}" if files else ""
    return f"home {settings.home.absolute()}; given in the environment: {', '.join(given) or 'nothing'}{also}"


def _policy(settings: Settings) -> str:
    from tasks.policy_file import load as load_policy
    from tasks.policy_file import longest_month

    reviewed = load_policy(settings.policy)
    costs = f"longest month rho {float(longest_month(reviewed.policy)):.3f} of cap {reviewed.policy.budget.cap}"
    return f"{reviewed.policy.name}, digest {reviewed.digest[:12]}; {costs}"


def _publisher(settings: Settings) -> str:
    """What clients read about the operator, and what the policy does not state."""
    from tasks.policy_file import load as load_policy

    stated = load_policy(settings.policy).policy.publisher.model_dump()
    unset = [name for name, text in stated.items() if text is None]
    named = stated["name"] or 'clients read who publishes as "not stated"'
    return f"{named}; [publisher] of the policy does not state: {', '.join(unset)}" if unset else named


def _landing(settings: Settings) -> str:
    from tasks.events.folders import labels_of
    from tasks.events.formats import load_formats

    root = settings.landing_root
    if not root.is_dir():
        raise Misconfigured(
            f"The landing {root} is not a folder.", "Create it, or correct THRONG_LANDING.", "landing.not_a_folder"
        )
    names = {path.name for path in root.iterdir()}
    missing = [name for name in LANDING_FILES if not names & {name, f"{name}.parquet", f"{name}.csv"}]
    if missing:
        raise RejectedInput(
            f"The landing {root} lacks {', '.join(missing)}.",
            "Have the operator send what is missing.",
            "landing.incomplete",
        )
    days = len(set(labels_of(root / "events", load_formats(settings.mapping).landing)))
    return f"{root}, {days} folder(s) of events"


def _look_at(check: str) -> Callable[[Settings], str]:
    """A check of the landing's content, by its name."""

    def look(settings: Settings) -> str:
        from tasks.events.formats import load_formats
        from tasks.landing_check import LandingCheck
        from tasks.policy_file import load as load_policy
        from tasks.release import utc_now

        policy, formats = load_policy(settings.policy).policy, load_formats(settings.mapping)
        found: str = getattr(LandingCheck(settings.landing_root, policy, formats, utc_now()), check)()
        return found

    return look


def _versions(settings: Settings) -> str:
    """Whether the registers may follow those that were used before."""
    if _existing(settings) is None:
        return "none was used yet"
    from tasks.register_versions import preview_registers
    from tasks.store import open_landing

    return preview_registers(open_landing(settings))


def _metrics(settings: Settings) -> str:
    if settings.metrics is None:
        return (
            f"{settings.home.absolute() / 'metrics.prom'}, for this user; THRONG_METRICS names one for others to read"
        )
    folder = settings.metrics.absolute().parent
    _check_writable(folder, "Create it, or correct THRONG_METRICS.", "settings.metrics_unwritable")
    return f"{settings.metrics.absolute()}, for others to read"


def _room(variable: str, folder: Path) -> str:
    """A folder that is writable or can be created, and has space."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    _check_writable(there, f"Give this user the right, or correct {variable}.", "settings.folder_unwritable")
    free = shutil.disk_usage(there).free / 1e9
    if free < LEAST_FREE_GB:
        raise StorageUnavailable(
            f"The disk of {there} has {free:.1f} GB left.", f"Free {LEAST_FREE_GB} GB, or more.", "disk.low"
        )
    return f"{folder}, {free:,.0f} GB free" + ("" if there == folder else "; created by the first command")


def _check_writable(folder: Path, action: str, code: str) -> None:
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Misconfigured(f"{folder} is not a folder that can be written to.", action, code)


def _database(settings: Settings) -> str:
    database = _existing(settings)
    if database is None:
        return f"{settings.masked_database}; created by the first command"
    from tasks.store.migrations import KNOWN, prepare

    prepare(database)
    return f"{settings.masked_database}, version {KNOWN[-1]}"


def _existing(settings: Settings) -> "Database | None":
    """The database, unless it has no tables yet; looking at SQLite must not create its file."""
    from tasks.store.database import Database, exists
    from tasks.store.migrations import version_of

    if not exists(settings.database):
        return None
    database = Database(settings.database)
    return database if version_of(database) else None


def _installation(settings: Settings) -> str:
    """Whether database, lake and keys belong together."""
    from tasks.store import check_not_lost, open_stores

    check_not_lost(settings)
    if _existing(settings) is None:
        return "none yet; made by the first command"

    own = open_stores(settings).installation
    own.check()
    return f"{own.id}: database, lake and keys belong together; every release has its charge"


def _keys(settings: Settings) -> str:
    root = settings.keys_root
    if not root.exists():
        return f"{root}; created by the first command"
    open_to_others = [path for path in (root, *root.rglob("*")) if path.stat().st_mode & 0o077]
    if open_to_others:
        what = f"{len(open_to_others)} of the key files and folders in {root} are open to other users."
        raise Misconfigured(what, f"Run: chmod -R go= {root}", "keys.open_folder")
    return f"{root}, {sum(1 for _ in root.rglob('*.key'))} key(s), closed to other users"


def _signature(settings: Settings) -> str:
    """The public key by which clients verify: they must get it another way than with a delivery."""
    from tasks.store.signing_keys import SigningKeys

    keys = SigningKeys(settings.keys_root / "signing")
    if not keys.made:
        return "no key yet; made by the first delivery"
    from tasks.deliverable.signature import pem, public_key
    from tasks.deliverable.verifier.signatures import key_id

    public = public_key(keys.current())
    return f"key id {key_id(public)}; give clients this public key:\n{pem(public)}".rstrip()


def _engine(settings: Settings) -> str:
    return f"{settings.engine}: {os.cpu_count()} core(s), at most {settings.memory_limit} for reading"


def _prefect(settings: Settings) -> str:
    from flows.serving.lockfile import running_api
    from flows.serving.prefect_server import is_up

    api, served = os.environ.get("PREFECT_API_URL"), running_api(settings.home.absolute())
    if served and api in (None, served):
        up = "answers: every verb is a flow run with its page" if is_up(served) else "is starting"
        return f"throng serve runs in this home, {served.removesuffix('/api')} {up}"
    if not api:
        return "PREFECT_API_URL is not set and throng serve does not run: commands run plainly, without pages"
    if not is_up(api):
        raise StorageUnavailable(
            "The API named by PREFECT_API_URL does not answer.",
            "Start it, or unset the variable.",
            "prefect.unavailable",
        )
    return "the API named by PREFECT_API_URL answers: every verb is a flow run with its page"


def _of_catalog(settings: Settings) -> Iterator[Finding]:
    """Check what the catalog names: the lake's files, and each client's bucket with the client's identity."""
    try:
        database = _existing(settings)
    except ThrongError:  # shown under "database"
        return
    if database is None:
        return
    from tasks.store.buckets import Buckets
    from tasks.store.catalog import Catalog
    from tasks.store.client_spec import ClientSpec

    yield _finding("lake files", partial(_lake_files, settings, Catalog(database)))
    buckets = Buckets(settings.home)
    for kept in Catalog(database).active_clients():
        yield _finding(f"bucket of {kept.name}", partial(_bucket, buckets, ClientSpec.stored(kept.spec).destination))


def _lake_files(settings: Settings, catalog: "Catalog") -> str:
    """Each file of the days in the lake is there, and as long as it was written."""
    from tasks.store.keys import DataKeys
    from tasks.store.lake import Lake
    from tasks.store.object_store import FileObjectStore

    current = {row.day: row.generation for row in catalog.days(date.min, date.max)}
    files = catalog.lake_files(current)
    Lake(FileObjectStore(settings.lake_root), DataKeys(settings.keys_root / "data")).check_files(files)
    return f"{len(files)} files of {len(current)} days are there as they were written"


def _bucket(buckets: "Buckets", destination: "Destination") -> str:
    buckets.probe(destination)
    return f"s3://{destination.bucket}/{destination.prefix} answers, and lists what it holds"


def _alerts(settings: Settings) -> str:
    from flows.alerting.notifiers import notifiers

    names = ", ".join(notifier.name for notifier in notifiers(settings))
    return f"sent to {names}, while `throng serve` runs{'' if settings.alerts else '; THRONG_ALERTS adds others'}"


LOOKS: Mapping[str, Callable[[Settings], str]] = {
    "settings": _settings,
    "policy": _policy,
    "publisher": _publisher,
    "landing": _landing,
    "zones and cells": _look_at("plans"),
    "population": _look_at("population"),
    "registers": _look_at("registers"),
    "register versions": _versions,
    "events": _look_at("events"),
    "lake": lambda settings: _room("THRONG_LAKE", settings.lake_root),
    "scratch": lambda settings: _room("THRONG_HOME", settings.scratch_root),
    "database": _database,
    "keys": _keys,
    "signature": _signature,
    "installation": _installation,
    "engine": _engine,
    "prefect": _prefect,
    "alerts": _alerts,
    "metrics": _metrics,
}
