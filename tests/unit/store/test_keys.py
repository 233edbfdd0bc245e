from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from tasks.errors import Misconfigured, RefusedRelease
from tasks.period import Period
from tasks.store.keys import DataKeys, DigestKey, PeriodKeys, PseudonymKeys
from tests.dying import dies, tick_before_file_acts

DAY, MONTH = Period.day(date(2026, 3, 1)), Period.month(date(2026, 3, 1))
NEXT, WEEK = Period.day(date(2026, 3, 2)), Period.week(date(2026, 3, 1))


@pytest.fixture(params=[PseudonymKeys, DataKeys])
def keys(tmp_path: Path, request: pytest.FixtureRequest) -> PeriodKeys:
    keys: PeriodKeys = request.param(tmp_path / "keys" / "own")
    keys.open()
    return keys


def test_a_periods_key_is_made_once_and_is_its_own(keys: PeriodKeys) -> None:
    key = keys.key(DAY)
    assert len(key) == 32
    assert key == keys.key(DAY) == keys.existing(DAY)
    assert len({keys.key(period) for period in (DAY, NEXT, WEEK, MONTH)}) == 4


def test_a_periods_pseudonym_key_and_data_key_are_two_keys_in_two_folders(tmp_path: Path) -> None:
    both = [kind(tmp_path / kind.kind) for kind in (PseudonymKeys, DataKeys)]
    assert len({keys.key(DAY) for keys in both}) == 2


def test_keys_are_files_for_this_user_alone(keys: PeriodKeys) -> None:
    keys.key(DAY)
    assert {path.name: path.stat().st_mode & 0o777 for path in Path(keys.objects.location).iterdir()} == {
        ".unfinished": 0o700,
        "day-2026-03-01.key": 0o600,
    }


def test_a_periods_key_is_destroyed_and_no_other_periods(keys: PeriodKeys) -> None:
    for period in (DAY, MONTH):
        keys.key(period)
    assert keys.periods() == {DAY, MONTH}
    keys.destroy(DAY)
    keys.destroy(DAY)
    assert (keys.periods(), keys.has(DAY), keys.has(MONTH)) == ({MONTH}, False, True)
    with pytest.raises(RefusedRelease):
        keys.existing(DAY)


def test_a_key_that_is_gone_is_not_made_again_for_a_release(keys: PeriodKeys) -> None:
    with pytest.raises(RefusedRelease) as refused:
        keys.existing(DAY)
    assert refused.value.code == "keys.missing"
    assert keys.periods() == set()


def test_creators_at_the_same_time_get_the_same_key(keys: PeriodKeys) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: keys.key(DAY), range(64)))) == 1


def test_a_key_folder_open_to_others_is_refused(keys: PeriodKeys) -> None:
    Path(keys.objects.location).chmod(0o750)
    with pytest.raises(Misconfigured) as refused:
        keys.open()
    assert refused.value.code == "keys.open_folder"


def test_digests_of_peoples_data_differ_between_installations(tmp_path: Path) -> None:
    own, other = DigestKey(tmp_path / "own"), DigestKey(tmp_path / "other")
    assert own.digest(b"list") == own.digest(b"list") != other.digest(b"list")
    assert own.digest(b"list") != own.digest(b"list of another day")


def test_a_key_is_whole_or_absent_wherever_its_creator_is_killed(tmp_path: Path) -> None:
    for at in count(1):
        keys = DataKeys(tmp_path / str(at))
        keys.open()

        def act(tick: Callable[[], None], keys: DataKeys = keys) -> None:
            tick_before_file_acts(tick)
            keys.key(DAY)

        killed = dies(act, at)
        kept = {path.read_bytes() for path in Path(keys.objects.location).glob("*.key")}
        assert kept <= {keys.key(DAY)}
        if not killed:
            break
