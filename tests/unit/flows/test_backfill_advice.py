"""A backfill of one product names the other products that its people rest on, and that the policy makes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.policy_file import shipped


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ([], "People of visitors also rest on footfall, detection, dwell of one day."),
        (["dwell"], "People of visitors also rest on footfall of one day."),
        (["footfall"], ""),
    ],
)
def test_a_backfill_advises_products_that_the_policy_makes(
    landing: Path, monkeypatch: pytest.MonkeyPatch, left_out: list[str], named: str
) -> None:
    policy = landing.parent / "policy.toml"
    policy.write_text(shipped().read_text().replace("leave_out = []", f"leave_out = {json.dumps(left_out)}"))
    monkeypatch.setenv("THRONG_POLICY", str(policy))
    words = ["backfill", "2026-03-01", "2026-03-01", "--product", "visitors", "--dry-run"]
    said = " ".join(CliRunner().invoke(app, words).output.split())
    assert named in said
    assert ("also rest on" in said) is bool(named)
