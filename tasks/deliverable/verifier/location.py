"""Folders, files of keys and state files of a client."""

import json
import os
import re
import stat
import tempfile
from pathlib import Path

from tasks.deliverable.verifier.index_history import DOCUMENTS, SEEN_SHAPE, Verified
from tasks.deliverable.verifier.key_chain import KEYS
from tasks.deliverable.verifier.signatures import parse_public_key
from tasks.deliverable.verifier.untrusted import (
    INDEX_BYTES,
    SMALL_BYTES,
    Document,
    UntrustedObjects,
    VerificationError,
    misused,
    parse,
    plain_name,
    refuse,
)

KEY_BYTES = 10_000
MAX_OBJECTS = 500_000


def split_location(location: str) -> tuple[str, str | None]:
    """The product's folder and a delivery's documents below it; other locations as they are. Folders are resolved."""
    whole = location.rstrip("/") if "://" in location else Path(location).resolve().as_posix()
    found = re.fullmatch(rf"(.+)/({DOCUMENTS.pattern})/", f"{whole}/")
    return (found[1], found[2]) if found else (whole, None)


def prefix_of(root: str) -> str | None:
    """The client's prefix that holds a product's folder; None for other folders."""
    found = re.fullmatch(r"(.*)/[a-z][a-z0-9_]*/v[0-9]+/*", root)
    return found[1] if found else None


def keys_above(root: str) -> bytes | None:
    """keys.json of the client's prefix, if this is a product's folder and it is there. Raises OSError."""
    prefix = prefix_of(Path(root).resolve().as_posix())
    path = Path(prefix or "/") / KEYS
    if prefix is None or not path.is_file():
        return None
    content = _read(path, SMALL_BYTES + 1)
    return UntrustedObjects({KEYS: len(content)}, lambda name: content).read(KEYS, SMALL_BYTES)


def pinned_key(path: Path) -> bytes:
    """The raw public key in a client's file."""
    try:
        with path.open("rb") as file:
            return parse_public_key(file.read(KEY_BYTES))
    except OSError as error:
        misused(f"{path} cannot be read: {error.strerror}.", "delivery.key_file", "Give the public key's file.")
    except ValueError:
        action = "Give the key as PEM, as 64 hex digits or as 32 bytes."
        misused(f"{path} is not an Ed25519 public key.", "delivery.key_file", action)


def folder_objects(root: Path) -> UntrustedObjects:
    """The files of a folder and of all folders below it; links and devices are refused. Raises OSError."""
    if not root.is_dir():
        action = "Give a delivery's folder, a client's prefix, or s3://."
        misused(f"{root} is not a folder.", "delivery.location", action)
    sizes: dict[str, int] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")
                else:
                    sizes[f"{folder}{entry.name}"] = _size(entry)
        if len(sizes) + len(folders) > MAX_OBJECTS:
            refuse(f"There are more than {MAX_OBJECTS} files or folders.", "delivery.too_many_files")
    return UntrustedObjects(sizes, lambda name: _read(root / name, sizes[name] + 1))


def _size(entry: "os.DirEntry[str]") -> int:
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        action = "A delivery holds files only: remove it, or copy again."
        refuse(f"{plain_name(entry.name)} is not a regular file.", "delivery.irregular_file", action)
    return status.st_size


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def read_state(path: Path, root: str) -> Document:
    """What the state file says was seen; empty if there is no such file yet. Refused below the location `root`."""
    if path.resolve().is_relative_to(root):
        misused(f"{path} is in the folder that is verified.", "delivery.state_inside", "Give a file outside it.")
    try:
        return parse(_read(path, INDEX_BYTES), SEEN_SHAPE, path.name)
    except FileNotFoundError:
        return {}
    except (OSError, VerificationError) as error:
        reason = f"{error.strerror}." if isinstance(error, OSError) else error.what
        action = "Give the file that a former verification wrote, or the name of a new one."
        misused(f"{path} cannot be read as a state file: {reason}", "delivery.state_file", action)


def write_state(path: Path, verified: Verified) -> None:
    """Replace the state file as a whole."""
    content = f"{json.dumps(verified.seen, indent=1)}\n"
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(number, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(number)
        Path(name).replace(path)
    except OSError as error:
        action = "It is verified, but not remembered: give a file in a folder where you may write."
        misused(f"{path} cannot be written: {error.strerror}.", "delivery.state_file", action)
