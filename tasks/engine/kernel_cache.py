"""Where compiled kernels are kept; to be said before the kernels are imported."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

_SOURCES = ("tasks.mobility.kernels", "tasks.mobility.day", "tasks.events.packed_key", "tasks.events.jit")
"""What compiled code depends on. Numba itself looks only at the file of the kernel, not at what that one imports."""


def set_kernel_cache(scratch: Path) -> None:
    """Keep compiled kernels in scratch/numba, private because they are pickles; unwritable: compile each time anew."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    folder = scratch / "numba" / _digest()
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        for part in (folder.parent, folder):
            part.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK | os.X_OK):
        os.environ["NUMBA_CACHE_DIR"] = str(folder)


def _digest() -> str:
    digest = hashlib.sha256()
    for name in _SOURCES:
        spec = find_spec(name)
        if spec and spec.origin:
            digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:12]
