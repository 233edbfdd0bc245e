"""Kernels: functions that Numba compiles; import their modules only where they are used, since this takes time."""

import os
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TypeVar, cast

from tasks.light_imports import light_imports

with light_imports(absent={"scipy"}):  # 0.2 CPU-seconds, and kernels use no linear algebra
    from numba import njit

    with suppress(ModuleNotFoundError):  # the first call of a kernel would import it
        import_module("numba.np.arraymath")

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile without the interpreter lock; the result is kept where NUMBA_CACHE_DIR says, if it says."""
    return cast(Function, njit(cache=bool(os.environ.get("NUMBA_CACHE_DIR")), nogil=True)(function))
