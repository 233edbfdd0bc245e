"""Expect an error by its stable code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tasks.deliverable.verifier.untrusted import VerificationError
from tasks.errors import ThrongError


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[Any]]:
    """The block must end with an error of this code."""
    kinds: Any = (ThrongError, VerificationError)
    with pytest.raises(kinds) as caught:
        yield caught
    assert caught.value.code == code
