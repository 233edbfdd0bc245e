"""A folder to start from: a home with policy, mapping and client file, and a small landing that can be ingested."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import rmtree

from tasks import env_files
from tasks.errors import Misconfigured, StorageUnavailable
from tasks.policy_file import shipped

_HERE = Path(__file__).parent
_ENV = """# Settings of this home. Relative paths begin in this folder; `throng doctor` shows what is in force.
THRONG_LANDING=landing
THRONG_POLICY=policy.toml
"""
_MARKER = "Commands that run in this folder use it as their home (THRONG_HOME).\n"
_PEOPLE, _EVENTS_A_DAY = 24, 48
"""Of the example; its registers have as many people."""


def write(folder: Path, day: date) -> None:
    """Fill a folder that is empty or does not exist; `day`: of the example's events. Raises Misconfigured."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise Misconfigured(
            f"{folder} holds files already; nothing was written.",
            "Name a new or an empty folder.",
            "init.folder_not_empty",
        )
    env_files.check_home(folder)
    existed = folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in _files(day):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text)
    except OSError as error:
        if not existed:
            rmtree(folder, ignore_errors=True)
        raise StorageUnavailable(
            f"{folder} cannot be written ({error.strerror}).", "Free space, or name another folder.", "init.unwritable"
        ) from None


def _files(day: date) -> Iterator[tuple[str, str]]:
    """Every file by its name, the marker last: without it the folder is no home yet."""
    yield "env", _ENV
    yield "policy.toml", shipped().read_text()
    yield "client.toml", (_HERE / "client.toml").read_text().replace("DAY", str(day))
    for path in sorted((_HERE / "landing").iterdir()):
        yield f"landing/{path.name}", path.read_text()
    yield f"landing/events/date={day}/part-0.csv", "".join(_events(day))
    yield f"landing/events/date={day}/_COMPLETE", ""
    yield env_files.MARKER, _MARKER


def _events(day: date) -> Iterator[str]:
    """Lines: each person every half hour, in another zone every six hours, by the landing's clock."""
    yield "subscriber_id,event_at,cell_id,event_type\n"
    for n in range(_PEOPLE):
        for half in range(_EVENTS_A_DAY):
            at = f"{day}T{half // 2:02d}:{half % 2 * 30:02d}:{n:02d}"
            yield f"example-{n:02d},{at},cell-{(n + half // 12) % 4},call\n"
