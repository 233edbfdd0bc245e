"""Import a library without those of its dependencies that Throng does not use."""

import gc
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from threading import get_ident
from types import ModuleType


class _LightImports(MetaPathFinder):
    """Finds modules for one thread: `absent` ones seem not to be installed, `lazy` ones load on first use."""

    def __init__(self, absent: Collection[str], lazy: Collection[str]) -> None:
        self._absent, self._lazy, self._thread = absent, lazy, get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if get_ident() != self._thread:
            return None
        if fullname in self._absent:
            raise ModuleNotFoundError(fullname, name=fullname)
        spec = PathFinder.find_spec(fullname, path) if fullname in self._lazy else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def light_imports(absent: Collection[str] = (), lazy: Collection[str] = ()) -> Iterator[None]:
    """Within the block, in this thread: hide `absent` modules that are not loaded yet, and delay `lazy` ones."""
    finder, collects = _LightImports(absent, lazy), gc.isenabled()
    sys.meta_path.insert(0, finder)
    gc.disable()  # an import makes no garbage worth the search
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if collects:
            gc.enable()
