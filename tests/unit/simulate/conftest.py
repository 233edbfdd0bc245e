from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tasks.simulate import SimulationPlan, simulate
from tests.unit.simulate.landing import Landing

Made = Callable[..., Landing]
SMALL: dict[str, Any] = {
    "subscribers": 240,
    "days": 1,
    "start": date(2026, 3, 3),
    "seed": 5,
    "zones": 18,
    "rate": 60.0,
    "dirty": 0.05,
}


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Landing folders of small cities, each simulated once."""
    made: dict[str, Landing] = {}

    def make(**changes: Any) -> Landing:
        name = repr(sorted(changes.items()))
        if name not in made:
            folder = tmp_path_factory.mktemp("landing") / "root"
            simulate(folder, SimulationPlan(**{**SMALL, **changes}))
            made[name] = Landing(folder)
        return made[name]

    return make
