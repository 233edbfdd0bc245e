"""What the modules of a package declare, by name: products, and the files of a delivery."""

import importlib
import operator
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def declared(package: str, attribute: str, key: Callable[[Any], str] = operator.attrgetter("name")) -> dict[str, Any]:
    """What the package's modules declare, by its key: one as the attribute, several as its plural.

    Raises ValueError for a doubled key.
    """
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        declares = vars(importlib.import_module(module.name))
        for one in (*([declares[attribute]] if attribute in declares else []), *declares.get(f"{attribute}S", ())):
            if found.setdefault(key(one), one) is not one:
                raise ValueError(f"two modules of {package} declare {key(one)}")
    return found


@contextmanager
def added(found: dict[str, T], **more: T) -> Iterator[None]:
    """Add to what was found for the duration of a block; raises ValueError for a name that exists."""
    if taken := sorted(found.keys() & more.keys()):
        raise ValueError(f"registered already: {', '.join(taken)}")
    found.update(more)
    try:
        yield
    finally:
        for name in more:
            del found[name]


@contextmanager
def limited(found: dict[str, T], *names: str) -> Iterator[None]:
    """Leave only these of what was found for the duration of a block."""
    others = {name: found.pop(name) for name in found.keys() - names}
    try:
        yield
    finally:
        found.update(others)
