"""Verification of Delta tables: each log is the one that the index states, and names files of verified deliveries."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from tasks.deliverable.verifier.delivery import VerifiedDelivery
from tasks.deliverable.verifier.untrusted import (
    COUNT,
    DIGEST,
    PATH,
    REMOVE_OR_ASK,
    SMALL_BYTES,
    Document,
    UntrustedObjects,
    parse,
    plain_name,
    refuse,
)

LOG = "_delta_log"
"""The folder of a log, below its table's."""
DELTA_SHAPE = {"path": PATH, "version": COUNT, "digest": DIGEST}
"""A log in the index: its table's folder, its newest version, and the digest over its files."""
_ACTIONS = {"add": {"path": PATH, "size": COUNT}, "remove": {"path": PATH}}


def log_digest(contents: Iterable[bytes]) -> str:
    """SHA-256 (hex) over the SHA-256 (hex) of each file of a log, oldest first."""
    return hashlib.sha256("".join(hashlib.sha256(content).hexdigest() for content in contents).encode()).hexdigest()


def verify_logs(
    objects: UntrustedObjects, stated: Collection[Document], deliveries: Iterable[VerifiedDelivery]
) -> list[str]:
    """The names of all files of these logs; `deliveries`: those whose files a log may name."""
    sizes = {one.base + file["path"]: file["bytes"] for one in deliveries for file in one.manifest["files"]}
    return [name for table in stated for name in _verify_log(objects, table, sizes)]


def check_no_log(objects: UntrustedObjects) -> None:
    """Refuse a location that has logs and no index: a log decides which rows count, and only the index signs it."""
    if any(f"/{LOG}/" in name for name in objects.sizes):
        action = "Give the prefix that holds index.json, or one delivery's folder of documents."
        refuse("There is a Delta table, and no index.json that signs its log.", "delta.not_signed", action)


def _verify_log(objects: UntrustedObjects, table: Document, sizes: Mapping[str, int]) -> list[str]:
    folder = f"{table['path']}/{LOG}"
    there, label = objects.below(folder), plain_name(folder)
    names = [f"{folder}/{number:020d}.json" for number in range(min(table["version"], len(there)) + 1)]
    if there != names:
        wrong = plain_name(min({*there} ^ {*names}))
        what = f"{wrong} is missing in the log of a Delta table, or does not belong there."
        refuse(what, "delta.files_differ", REMOVE_OR_ASK)
    contents = [objects.read(name, SMALL_BYTES) for name in names]
    if table["digest"] != log_digest(contents):
        refuse(f"{label} is not the log that the index states: a file of it was changed.", "delta.log_altered")
    for path, size in _newest_files(contents, label).items():
        if sizes.get(f"{table['path']}/{path}") != size:
            refuse(f"{label} names {path}, which no verified delivery holds in this size.", "delta.file_unknown")
    return names


def _newest_files(contents: Iterable[bytes], label: str) -> Mapping[str, int]:
    """The files that the newest version of a log names, with their sizes."""
    found: dict[str, int] = {}
    for line in (line for content in contents for line in content.splitlines()):
        for kind in _ACTIONS.keys() & parse(line, {}, label).keys():
            action = parse(line, {kind: _ACTIONS[kind]}, label)[kind]
            found.pop(action["path"], None)
            if kind == "add":
                found[action["path"]] = action["size"]
    return found
