"""Compiled kernels are kept in a private folder, or not at all."""

import os
import stat
from pathlib import Path

import pytest

from tasks.engine.kernel_cache import set_kernel_cache


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")


def test_the_cache_is_private_because_it_holds_pickles(tmp_path: Path) -> None:
    set_kernel_cache(tmp_path / "scratch")
    folder = os.environ["NUMBA_CACHE_DIR"]
    assert folder.startswith(str(tmp_path / "scratch" / "numba"))
    assert stat.S_IMODE((tmp_path / "scratch" / "numba").stat().st_mode) == 0o700


def test_an_unwritable_place_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("a file where the folder should be")
    set_kernel_cache(tmp_path / "scratch")
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_a_cache_chosen_by_the_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/chosen")
    set_kernel_cache(tmp_path)
    assert os.environ["NUMBA_CACHE_DIR"] == "/chosen"
    assert not list(tmp_path.iterdir())
