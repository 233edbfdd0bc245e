"""Kernels: functions that Numba compiles; import their modules only where they are used, since this takes time."""

import os
from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile without the interpreter lock; the result is kept where NUMBA_CACHE_DIR says, if it says."""
    return cast(Function, njit(cache=bool(os.environ.get("NUMBA_CACHE_DIR")), nogil=True)(function))
