"""Stores at whose borders a process dies or a fault begins: before or after a chosen call of those a verb makes."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from tasks.store import Stores
from tasks.store.buckets import Bucket
from tasks.store.lake import StagedVersion

STORES = ("catalog", "ledger", "audit", "lake", "buckets", "locks", "installation",
          "digest_key", "pseudonym_keys", "data_keys", "signing_keys")  # fmt: skip


Fault = Callable[[], None]


def killed() -> None:
    """This process ends as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


class Border:
    """Counts the borders that a process passes; at the one of a number, or the first of a name, a fault begins."""

    def __init__(self, at: int | str | None, fault: Fault = killed) -> None:
        self.passed: list[str] = []
        self._at, self._fault = at, fault
        self._one_at_a_time = threading.Lock()

    def __call__(self, where: str) -> None:
        with self._one_at_a_time:
            self.passed.append(where)
            if self._at in (len(self.passed), where):
                self._at = None
                self._fault()


class Dying:
    """Stands for a store: each call passes two borders, and so does each call of what it hands out."""

    def __init__(self, store: object, name: str, border: Border) -> None:
        self._store, self._name, self._border = store, name, border

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._store, name)
        if not callable(value):
            return value
        where = f"{self._name}.{name}"

        def call(*args: Any, **kwargs: Any) -> Any:
            self._border(f"before {where}")
            result = value(*args, **kwargs)
            if isinstance(result, AbstractContextManager):
                return _block(result, where, self._border)
            self._border(f"after {where}")
            return _dying(result, self._border)

        return call


def dying(stores: Stores, border: Border) -> Stores:
    """The same stores, each of them dying."""
    dying: dict[str, Any] = {name: Dying(getattr(stores, name), name, border) for name in STORES}
    return replace(stores, **dying)


def _dying(result: Any, border: Border) -> Any:
    """What a store hands out to be called later: a staged, a bucket with its requests."""
    if isinstance(result, StagedVersion):
        return Dying(result, "staged", border)
    if isinstance(result, Bucket):
        result._store = Dying(result._store, "s3", border)
    return result


@contextmanager
def _block(entered: AbstractContextManager[Any], where: str, border: Border) -> Iterator[Any]:
    with entered as value:
        border(f"inside {where}")
        yield value
        border(f"end of {where}")
    border(f"outside {where}")
