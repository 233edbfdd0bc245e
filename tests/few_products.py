"""Homes that make few products, where products are not the subject: each one costs a day's run seconds."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks import policy_file
from tasks.products import registry

FEW = ("footfall", "gate_profile", "panel")
MADE = ("footfall", "visitors")
"""Clients' products that tests of whole runs make: two of a day, one also of a week and a month."""
LEFT_OUT = tuple(name for name in registry.for_clients() if name not in MADE)


def policy_of_two() -> str:
    """The shipped policy, without all but two of the clients' products."""
    return policy_file.shipped().read_text().replace("leave_out = []", f"leave_out = {json.dumps(LEFT_OUT)}")


@contextmanager
def few_products(folder: Path) -> Iterator[Path]:
    """Make these products alone, under a shipped policy without the others, which is given."""
    others = "|".join(product.name for product in registry.drawn() if product.name not in FEW)
    policy = folder / "few-products.toml"
    policy.write_text(re.sub(rf"\[product\.({others})\.[^\[]*", "", policy_file.shipped().read_text()))
    with registry.only(*FEW), pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_file, "shipped", lambda: policy)
        yield policy
