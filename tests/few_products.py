"""A plan whose steps can be counted: one daily product, one monthly product, and the gate's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks import policy_file
from tasks.products import registry

FEW = ("footfall", "gate_profile", "panel")


@contextmanager
def few_products(folder: Path) -> Iterator[Path]:
    """Make these products alone, under a shipped policy without the others, which is given."""
    others = "|".join(product.name for product in registry.drawn() if product.name not in FEW)
    policy = folder / "few-products.toml"
    policy.write_text(re.sub(rf"\[product\.({others})\.[^\[]*", "", policy_file.shipped().read_text()))
    with registry.only(*FEW), pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_file, "shipped", lambda: policy)
        yield policy
