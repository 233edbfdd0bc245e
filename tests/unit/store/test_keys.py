from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from tasks.errors import Misconfigured, RefusedRelease
from tasks.period import Period
from tasks.store.keys import FileKeys
from tests.dying import dies, tick_before_file_acts

DAY, MONTH = Period.day(date(2026, 3, 1)), Period.month(date(2026, 3, 1))


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    keys = FileKeys(tmp_path / "keys")
    keys.open()
    return keys


def test_a_periods_key_is_made_once_and_is_its_own(keys: FileKeys) -> None:
    key = keys.period_key(DAY)
    assert len(key) == 32
    assert key == keys.period_key(DAY) == keys.existing_key(DAY)
    assert len({key, keys.period_key(MONTH), keys.signing_key()}) == 3


def test_keys_are_files_for_this_user_alone(keys: FileKeys) -> None:
    keys.period_key(DAY)
    assert {path.name: path.stat().st_mode & 0o777 for path in keys.root.iterdir()} == {
        ".unfinished": 0o700,
        "day-2026-03-01.key": 0o600,
    }


def test_a_periods_data_key_is_another_key_in_another_file(keys: FileKeys) -> None:
    with pytest.raises(RefusedRelease, match="data key of 2026-03-01"):
        keys.existing_data_key(DAY)
    key = keys.data_key(DAY)
    assert key == keys.existing_data_key(DAY) == keys.data_key(DAY)
    assert len({key, keys.data_key(MONTH), keys.period_key(DAY)}) == 3
    assert (keys.root / "data" / "day-2026-03-01.key").stat().st_mode & 0o777 == 0o600


def test_a_periods_keys_are_destroyed_together_and_nobody_elses(keys: FileKeys) -> None:
    for period in (DAY, MONTH):
        keys.period_key(period)
        keys.data_key(period)
    signing = keys.signing_key()
    assert keys.periods() == sorted([DAY, MONTH])
    keys.destroy(DAY)
    keys.destroy(DAY)
    assert keys.periods() == [MONTH]
    for gone in (keys.existing_key, keys.existing_data_key):
        with pytest.raises(RefusedRelease):
            gone(DAY)
    assert keys.signing_key() == signing


def test_a_period_whose_keys_were_half_destroyed_is_still_known(keys: FileKeys) -> None:
    keys.period_key(DAY)
    keys.data_key(DAY)
    (keys.root / "data" / f"day-{DAY}.key").unlink()
    assert keys.periods() == [DAY]


def test_a_key_that_is_gone_is_not_made_again_for_a_release(keys: FileKeys) -> None:
    with pytest.raises(RefusedRelease, match="pseudonym key of 2026-03-01 is not in"):
        keys.existing_key(DAY)
    assert not list(keys.root.glob("*.key"))


def test_creators_at_the_same_time_get_the_same_key(keys: FileKeys) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: keys.period_key(DAY), range(64)))) == 1


def test_a_key_folder_open_to_others_is_refused(keys: FileKeys) -> None:
    keys.root.chmod(0o750)
    with pytest.raises(Misconfigured, match="chmod 700"):
        keys.open()


def test_a_damaged_key_is_named_and_not_replaced(keys: FileKeys) -> None:
    keys.signing_key()
    (keys.root / "signing.key").write_bytes(b"short")
    with pytest.raises(Misconfigured, match=r"signing\.key is damaged"):
        keys.signing_key()


def test_digests_of_peoples_data_differ_between_installations(keys: FileKeys, tmp_path: Path) -> None:
    other = FileKeys(tmp_path / "other")
    other.open()
    assert keys.digest(b"list") == keys.digest(b"list") != other.digest(b"list")
    assert keys.digest(b"list") != keys.digest(b"list of another day")


def test_a_key_is_whole_or_absent_wherever_its_creator_is_killed(tmp_path: Path) -> None:
    for at in count(1):
        keys = FileKeys(tmp_path / str(at))
        keys.open()

        def act(tick: Callable[[], None], keys: FileKeys = keys) -> None:
            tick_before_file_acts(tick)
            keys.period_key(DAY)

        killed = dies(act, at)
        rested = {path.read_bytes() for path in keys.root.glob("*.key")}
        assert rested <= {keys.period_key(DAY)}
        if not killed:
            break
