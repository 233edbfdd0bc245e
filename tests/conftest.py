"""Shared by all suites: Prefect in a home of its own, without telemetry; kernels compiled once for all processes."""

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tasks.engine.kernel_cache import set_kernel_cache
from tests import compiled
from tests.few_products import few_products
from tests.schedule import TogetherScheduling, rank

# Shared machines stall: a deadline would fail tests for what others do.
settings.register_profile("throng", deadline=None)
settings.load_profile("throng")

os.umask(0o022)  # a mask of 002 would open what tests make to the group: such homes and `.env` are refused

set_kernel_cache(Path(__file__).parent.parent / ".pytest_cache")  # for children too

_HOME = tempfile.TemporaryDirectory(prefix="throng-prefect-")
os.environ.pop("PREFECT_API_URL", None)
os.environ |= {
    "PREFECT_HOME": _HOME.name,
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "DO_NOT_TRACK": "1",
}


def pytest_configure(config: pytest.Config) -> None:
    """Kernels are compiled once, before workers need them."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.add_cleanup(compiled.begin())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage while modules are imported: that took a tenth of the CPU time of collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: rank(item.nodeid))


def pytest_collection_finish() -> None:
    """Wait for the kernels. Look for garbage seldom, not among what is imported: a seventh of the CPU time of tests."""
    gc.freeze()
    gc.set_threshold(200_000, 10, 10)
    compiled.wait()


def pytest_unconfigure() -> None:
    """Let the interpreter free all at the end, else DuckDB's bindings report leaks."""
    gc.unfreeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling:
    """Files that share what takes long to start go to one worker."""
    return TogetherScheduling(config, log)


@pytest.fixture(scope="session")
def prefect_stores() -> Iterator[list[Path]]:
    """The folders in which Prefect keeps anything, while its test server runs."""
    from prefect.settings import get_current_settings
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=300):
        url = get_current_settings().server.database.connection_url
        assert url is not None
        yield [Path(_HOME.name), Path(url.get_secret_value().partition(":///")[2]).parent]


@pytest.fixture(scope="module", name="few_products")
def _few_products(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Footfall, panel and gate profile alone; their policy."""
    with few_products(tmp_path_factory.mktemp("policy")) as policy:
        yield policy
