"""What a flow does is put together of the stores of its zones and the production noise."""

from collections.abc import Callable
from datetime import date

import pytest

from flows import entrypoints
from tasks.privacy.noise import DiscreteGaussian

DAY = date(2026, 3, 3)


class Made:
    """A verb that keeps what it is made with, and does nothing."""

    given: tuple[object, ...]

    def __init__(self, *given: object) -> None:
        type(self).given = given

    def __call__(self, *words: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("verb", "run"),
    [
        ("tasks.ingest.Ingest", lambda: entrypoints.ingest(DAY)),
        ("tasks.publish.Publish", lambda: entrypoints.publish("footfall", str(DAY))),
    ],
)
def test_runs_draw_the_production_noise(verb: str, run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("open_landing", "open_pseudonymised"):
        monkeypatch.setattr(f"tasks.store.{name}", lambda: None)
    monkeypatch.setattr("tasks.refresh.Refresh", lambda stores: None)
    monkeypatch.setattr(verb, Made)
    run()
    assert type(Made.given[1]) is DiscreteGaussian
