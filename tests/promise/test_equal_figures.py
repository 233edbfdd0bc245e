"""Lake rows, charges, releases and deliveries are what they were before the code was given its present shape.

`equal_figures.json` was written at the commit before. It changes only with a new version of a product or a table:
`python -m tests.promise.test_equal_figures` writes it anew, and the changelog says why.
"""

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tasks.services.s3 import serve
from tests.promise.figures import CLIENTS, Installation, figures, make_landing

KEPT = Path(__file__).with_name("equal_figures.json")


def test_figures_are_what_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "LANDING", "LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT", "FORMATS"):
        monkeypatch.delenv(f"THRONG_{name}", raising=False)
    found = measured(tmp_path, monkeypatch)
    assert list(differences(json.loads(KEPT.read_text()), found)) == []


def measured(root: Path, patch: pytest.MonkeyPatch) -> Any:
    make_landing(root / "landing")
    patch.chdir(root)
    with serve(root / "s3", {name: f"{name}-bucket" for name in CLIENTS}) as server:
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        return json.loads(json.dumps(figures(Installation(root / "home", root / "landing", server))))


def differences(kept: Any, found: Any, at: str = "") -> list[str]:
    """Where two documents differ: integers and text exactly, decimal numbers by more than one in 1e9."""
    if isinstance(kept, dict) and isinstance(found, dict) and set(kept) == set(found):
        return [line for name in kept for line in differences(kept[name], found[name], f"{at}/{name}")]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        return [
            line for n, pair in enumerate(zip(kept, found, strict=True)) for line in differences(*pair, f"{at}/{n}")
        ]
    if isinstance(kept, float) and isinstance(found, float) and math.isclose(kept, found, rel_tol=1e-9, abs_tol=1e-9):
        return []
    return [] if kept == found else [f"{at}: {kept!r} was, {found!r} is"]


if __name__ == "__main__":
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as own:
        KEPT.write_text(json.dumps(measured(Path(folder), own), indent=1) + "\n")
