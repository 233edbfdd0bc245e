"""Expect an error by its stable code."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tasks.errors import ThrongError


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[ThrongError]]:
    """The block must end with an error of this code."""
    with pytest.raises(ThrongError) as caught:
        yield caught
    assert caught.value.code == code
