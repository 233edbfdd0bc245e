"""Where compiled kernels are kept; to be set before the kernels are imported."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

_SOURCES = ("tasks.mobility", "tasks.events.packed_key", "tasks.events.jit")
"""What compiled code depends on: a package with all its modules. Numba looks at the file of the kernel alone."""


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
    for spec in filter(None, map(find_spec, _SOURCES)):
        folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
        for path in sorted(path for folder in folders for path in folder.glob("*.py")) or [Path(spec.origin or "")]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
