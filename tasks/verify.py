"""verify(location): a client checks what it received. Needs no database and no home, only the reader's credentials."""

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from tasks.deliverable.signature import pinned_key
from tasks.deliverable.untrusted_reader import refuse
from tasks.deliverable.verify import DOCUMENTS, Verified, verify
from tasks.errors import Misconfigured, RefusedDelivery, StorageUnavailable, shown

KEY_BYTES = 10_000
Location = tuple[Mapping[str, int], Callable[[str], bytes]]
"""Every object's size in bytes by its name below the location, and how to read one."""


class Verify:
    """Verify a delivery, or all below an index, in a folder or at an s3:// address."""

    def __call__(self, location: str, public_key: Path | None = None) -> Verified:
        """Raise RefusedDelivery naming the fault; `public_key` is a file with the key from another channel."""
        pinned = _pinned(public_key) if public_key else None
        root, documents = _product_folder(location)
        sizes, fetch = _bucket(root) if "://" in root else _folder(Path(root))
        return verify(sizes, fetch, pinned, documents)


def _product_folder(location: str) -> tuple[str, str | None]:
    """The product's folder and a delivery's documents below it; other locations as they are."""
    found = re.fullmatch(rf"(?:(.+)/)?({DOCUMENTS.pattern})/*", f"{location}/")
    return (found[1] or ".", found[2]) if found else (location, None)


def _pinned(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return pinned_key(file.read(KEY_BYTES), str(path))
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror}.", "Give the public key's file.", "delivery.key_file"
        ) from None


def _bucket(location: str) -> Location:
    from tasks import settings
    from tasks.store.buckets import Buckets

    bucket = Buckets(settings.named_home()).at(location)
    try:
        sizes = {name: size for name, size in bucket.sizes().items() if name}
    except RefusedDelivery as error:  # its action is for the operator, and the client runs this
        raise RefusedDelivery(
            error.what, "Check the address and your own credentials, or ask the sender.", error.code
        ) from None
    return sizes, lambda name: bucket.get(name, sizes[name])


def _folder(root: Path) -> Location:
    if not root.is_dir():
        raise Misconfigured(
            f"{root} is not a folder.", "Give a delivery's folder, a client's prefix, or s3://.", "delivery.location"
        )
    try:
        sizes = {path.relative_to(root).as_posix(): _size(path) for path in _files(root)}
    except OSError as error:
        raise _unreadable(error) from None

    def fetch(name: str) -> bytes:
        try:
            with (root / name).open("rb") as file:
                return file.read(sizes[name] + 1)
        except OSError as error:
            raise _unreadable(error) from None

    return sizes, fetch


def _files(root: Path) -> list[Path]:
    """Every entry below the folder that is not a folder, links to folders included."""
    found: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=_stop):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        found += [Path(folder) / name for name in (*names, *links)]
    return found


def _size(path: Path) -> int:
    """A regular file's size; links and devices are refused."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        refuse(
            f"{shown(path.name)} is not a regular file.",
            "delivery.irregular_file",
            "A delivery holds files only: remove it, or copy again.",
        )
    return status.st_size


def _stop(error: OSError) -> None:
    raise error


def _unreadable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(
        f"{error.filename} cannot be read: {error.strerror}.", "Make it readable, verify again.", "delivery.unreadable"
    )
