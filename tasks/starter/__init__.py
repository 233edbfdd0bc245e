"""A folder to start from: a home with policy, mapping and client file, and a small landing that can be ingested."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
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
_SOUTH, _WEST, _ZONE_DEGREES = 50.0, 8.0, 0.1


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
            _put(folder / name, text)
    except OSError as error:
        if not existed:
            rmtree(folder, ignore_errors=True)
        raise StorageUnavailable(
            f"{folder} cannot be written ({error.strerror}).", "Free space, or name another folder.", "init.unwritable"
        ) from None


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _files(day: date) -> Iterator[tuple[str, str]]:
    """Every file by its name, the marker last: without it the folder is no home yet."""
    yield "env", _ENV
    yield "policy.toml", shipped().read_text()
    for name in ("formats.toml", "client.toml"):
        yield name, (_HERE / name).read_text().replace("DAY", str(day))
    yield "landing/README.md", (_HERE / "landing.md").read_text()
    yield "landing/zones.geojson", json.dumps(_zones(), indent=1) + "\n"
    yield "landing/cells.csv", _csv("cell_id,latitude,longitude,valid_from,valid_to", _cells())
    yield (
        "landing/subscribers.csv",
        _csv(
            "subscriber_id,birth_year,gender,segment,home_mcc,active_from",
            [(_person(n), str(1950 + n), "fmx"[n % 3], "consumer", "262", "") for n in range(_PEOPLE)],
        ),
    )
    granted = f"{day - timedelta(30)}T00:00:00Z"
    yield (
        "landing/consents.csv",
        _csv(
            "subscriber_id,purpose,granted_at,withdrawn_at,channel,text_version",
            [(_person(n), "insights", granted, "", "app", "v1") for n in range(_PEOPLE)],
        ),
    )
    yield f"landing/events/date={day}/part-0.csv", _csv("subscriber_id,event_at,cell_id,event_type", _events(day))
    yield f"landing/events/date={day}/_COMPLETE", ""
    yield env_files.MARKER, _MARKER


def _csv(header: str, rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{line}\n" for line in (header, *(",".join(row) for row in rows)))


def _person(n: int) -> str:
    return f"example-{n:02d}"


def _cells() -> list[tuple[str, ...]]:
    """One in the middle of each zone."""
    middle = _SOUTH + _ZONE_DEGREES / 2
    return [(f"cell-{n}", f"{middle:.2f}", f"{_west(n) + _ZONE_DEGREES / 2:.2f}", "2020-01-01", "") for n in range(4)]


def _events(day: date) -> list[tuple[str, ...]]:
    """Each person every half hour, in another zone every six hours, by the landing's clock."""
    return [
        (_person(n), f"{day}T{half // 2:02d}:{half % 2 * 30:02d}:{n:02d}", f"cell-{(n + half // 12) % 4}", "call")
        for n in range(_PEOPLE)
        for half in range(_EVENTS_A_DAY)
    ]


def _zones() -> dict[str, object]:
    return {"type": "FeatureCollection", "features": [_zone(n) for n in range(4)]}


def _zone(n: int) -> dict[str, object]:
    west, east, north = _west(n), _west(n + 1), _SOUTH + _ZONE_DEGREES
    ring = [[west, _SOUTH], [east, _SOUTH], [east, north], [west, north], [west, _SOUTH]]
    properties = {"zone_id": f"Z{n}", "name": f"Zone {n}", "parent_id": f"D{n // 2}", "sensitive": False}
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def _west(n: int) -> float:
    return round(_WEST + n * _ZONE_DEGREES, 6)
