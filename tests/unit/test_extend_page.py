"""The examples of docs/how-to/extend.md are a product and a renderer."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks import policy_file
from tasks.deliverable.renderers import registry as renderers
from tasks.period import Period
from tasks.products import registry as products
from tests.unit.products import counting

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "extend.md").read_text()
PRODUCT, RENDERER = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(POLICY,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

DAY = Period.day(date(2026, 3, 2))


def _module(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "docs/how-to/extend.md", "exec"), names)
    return names


def test_the_product_counts_each_person_once_where_they_were_at_night(tmp_path: Path) -> None:
    made = _module(PRODUCT)["PRODUCT"]
    hours, zones = pa.array([3, 4, 3], pa.int8()), pa.array([2, 0, 2], pa.int32())
    rows = pa.table({"pseudonym": pa.array([1, 1, 2], pa.uint64()), "hour": hours, "zone": zones})
    (tmp_path / "policy.toml").write_text(policy_file.shipped().read_text() + POLICY)
    with products.registered(made):
        assert "overnight" in products.for_clients()
        policy = policy_file.load(tmp_path / "policy.toml").policy
        counted = counting.context(made, DAY, {1: (0, 0), 2: (0, 0)}, {"presence": [rows]}, policy)
        (contributions,) = made.counts[0](counted)
    assert np.array_equal(contributions.values, [0, 0, 2])


def test_the_renderer_can_be_asked_for() -> None:
    with renderers.registered(_module(RENDERER)["RENDERER"]):
        assert "zones" in renderers.grant_formats()
