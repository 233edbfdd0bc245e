"""Scratch files of keys while the machine can open no more: a group is written whole, or its day is given up."""

from contextlib import ExitStack
from pathlib import Path

from tasks.events.scratch import all_or_nothing
from tests.few_handles import no_handles
from tests.refusals import refused


def test_nothing_is_begun_while_too_many_files_are_open(tmp_path: Path) -> None:
    with refused("machine.open_files"), no_handles(), all_or_nothing(tmp_path):
        raise AssertionError("keys could be added that nobody could take back")


def test_a_day_whose_keys_cannot_be_taken_back_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "b00000.keys").write_bytes(b"8 bytes.")
    with ExitStack() as few, refused("machine.open_files"), all_or_nothing(tmp_path):
        (tmp_path / "b00000.keys").write_bytes(b"8 bytes. And more.")
        few.enter_context(no_handles())
        raise ValueError
