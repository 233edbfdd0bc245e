"""Verification of a location: all that a signed index lists, or the deliveries of a product; and what was seen."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.deliverable.verifier.delivery import Inspect, VerifiedDelivery, verify_delivery
from tasks.deliverable.verifier.delta_logs import DELTA_SHAPE, check_no_log, verify_logs
from tasks.deliverable.verifier.key_chain import INSTANT, KEYS, Trust, check_issuer, trusted
from tasks.deliverable.verifier.signatures import ASK_ABOUT_THE_KEY, ENVELOPE, check_envelope, key_id
from tasks.deliverable.verifier.untrusted import (
    DIGEST,
    INDEX_BYTES,
    NAME,
    PATH,
    REMOVE_OR_ASK,
    REVISION,
    SMALL_BYTES,
    WORD,
    Document,
    UntrustedObjects,
    misused,
    parse,
    plain_name,
    refuse,
)

INDEX = "index.json"
DOCUMENTS = re.compile(r"docs/cadence=[^/]+/dt=[^/]+/revision=[^/]+(?=/)")
"""The folder of a delivery's documents, below the product's folder."""
SEQUENCE = range(1, 1 << 53)
_OF = {"product": NAME, "version": REVISION, "cadence": NAME, "period": WORD}
_STATES = re.compile("current|superseded|recalled")
INDEX_SHAPE = {
    **{
        "format": 2,
        "client": WORD,
        "sequence": SEQUENCE,
        "issued_at": INSTANT,
        "previous": (DIGEST,),
        "ledger": DIGEST,
    },
    "periods": [{**_OF, "state": NAME, "cause": (NAME,), "path": (PATH,), "digest": (DIGEST,)}],
    "deliveries": [{**_OF, "revision": REVISION, "state": _STATES, "path": PATH, "digest": DIGEST}],
    "delta": [DELTA_SHAPE],
    **ENVELOPE,
}
SEEN_SHAPE = {
    **{"format": 1, "client": WORD, "sequence": SEQUENCE, "index": DIGEST, "key": (DIGEST,)},
    "deliveries": [{"path": PATH, "digest": DIGEST}],
}


@dataclass(frozen=True)
class Verified:
    """All that was verified, whether by a key that the client pinned, and by which index."""

    deliveries: tuple[VerifiedDelivery, ...]
    pinned: bool
    index: Document | None = None
    index_sha256: str = ""
    issuer: bytes | None = None
    """The raw public key that signed the index; None: nobody knows it."""

    @property
    def verdict(self) -> str:
        """The sentence that the command line prints."""
        return "verified with the pinned key" if self.pinned else "consistent; key not pinned"

    @property
    def clients(self) -> Collection[str]:
        """To whom this was delivered: one name, if it is whole."""
        return {one.manifest["client"] for one in self.deliveries} | ({self.index["client"]} if self.index else set())

    @property
    def states(self) -> Mapping[str, int]:
        """How many deliveries the index lists, by state."""
        return Counter(sorted(entry["state"] for entry in self.index["deliveries"])) if self.index else {}

    @property
    def lines(self) -> list[str]:
        """What was verified, for people."""
        said = [f"{one.path} (manifest {one.manifest_sha256[:12]})" for one in self.deliveries]
        if self.index:
            states = ", ".join(f"{count} {state}" for state, count in self.states.items()) or "no deliveries"
            said.append(f"index {self.index['sequence']} of {self.index['issued_at']}: {states}")
        else:
            said.append("no index: not checked whether a delivery was replaced, recalled or left out")
        to = "".join(f" to {plain_name(one)}" for one in sorted(self.clients))
        number = len(self.deliveries)
        return [*said, f"{number} {'delivery' if number == 1 else 'deliveries'}{to}: {self.verdict}."]

    @property
    def seen(self) -> Document:
        """What a later verification must find again."""
        of: dict[str, Any] = self.index or {}
        deliveries = [{name: entry[name] for name in ("path", "digest")} for entry in of["deliveries"]]
        facts = {"client": of["client"], "sequence": of["sequence"], "index": self.index_sha256}
        facts["key"] = self.issuer.hex() if self.issuer else None
        return {"format": 1, **facts, "deliveries": deliveries}


def verify_objects(
    objects: UntrustedObjects,
    pinned: bytes | None = None,
    documents: str | None = None,
    inspect: Inspect | None = None,
    seen: Document | None = None,
    sequence: int = 0,
    above: Callable[[], bytes | None] = lambda: None,
) -> Verified:
    """Verify a client's prefix with its index, or the deliveries of a product's folder: all, or the one given.

    `pinned`: raw public key; `documents`: a delivery's folder of documents; `seen`: a former `Verified.seen`, or empty
    for the first time; `sequence`: the least of the index; `above`: reads the keys.json of the prefix that holds
    a product's folder. Raises VerificationError naming the fault.
    """
    if documents is not None and (seen is not None or sequence):
        what, action = "One delivery has no index.", "Give the prefix that holds index.json, or no state and sequence."
        misused(what, "delivery.no_index", action)
    if seen is not None or sequence or (documents is None and INDEX in objects.sizes):
        return _verify_prefix(objects, pinned, inspect, seen, sequence)
    there = {match[0] for match in map(DOCUMENTS.match, objects.sizes) if match}
    found = [documents] if documents is not None else sorted(there)
    if not found:
        refuse(
            f"There is neither {INDEX} nor a delivery here.",
            "delivery.not_found",
            "Give a delivery's folder of documents, a product's folder, or the prefix that holds the index.",
        )
    trust = trusted(_keys(objects) or above(), pinned, None)
    deliveries = tuple(verify_delivery(objects, "", folder, trust.known, inspect) for folder in found)
    _check_signers(deliveries, trust)
    if documents is None:
        check_no_log(objects)
        _check_nothing_else(objects, deliveries, (KEYS,))
    return _of_one_client(Verified(deliveries, pinned is not None))


def check_recipient(verified: Verified, client: str) -> None:
    """Refuse what was delivered to another client: one key signs for all clients."""
    for other in {*verified.clients} - {client}:
        what = f"This was delivered to client {plain_name(other)}, not to {plain_name(client)}."
        refuse(what, "delivery.other_recipient", "Do not use it; tell the sender.")


def _of_one_client(verified: Verified) -> Verified:
    if len(verified.clients) > 1:
        refuse("These deliveries are of several clients.", "delivery.other_client")
    return verified


def _keys(objects: UntrustedObjects) -> bytes | None:
    return objects.read(KEYS, SMALL_BYTES) if KEYS in objects.sizes else None


def _check_signers(deliveries: Collection[VerifiedDelivery], trust: Trust) -> None:
    """Without an index, a revoked key vouches for nothing; without keys.json, several keys cannot be one sender's."""
    for name in sorted({key_id(each.public_key) for each in deliveries}):
        if trust.is_revoked(name):
            action = f"Verify the client's prefix: {INDEX}, if a good key signed it, vouches for older deliveries."
            refuse(f"A delivery is signed by key {name}, which is revoked.", "delivery.key_revoked", action)
    if not trust.known and len({each.public_key for each in deliveries}) > 1:
        what = f"The deliveries are signed by several keys, and no {KEYS} says that they belong together."
        refuse(what, "delivery.several_keys", ASK_ABOUT_THE_KEY)


def _verify_prefix(
    objects: UntrustedObjects, pinned: bytes | None, inspect: Inspect | None, seen: Document | None, least: int
) -> Verified:
    """Verify the index and all that it lists; an object that it does not list is refused."""
    content = objects.read(INDEX, INDEX_BYTES)
    index, digest = parse(content, INDEX_SHAPE, INDEX), hashlib.sha256(content).hexdigest()
    before = bytes.fromhex((seen or {}).get("key") or "") or None
    trust = trusted(_keys(objects), pinned, before)  # read after the index, and written before it
    issuer = check_issuer(index, content, trust, before, INDEX) if trust.known else None
    _check_periods(index)
    _check_history(index, digest, seen, least)
    listed = [each for each in index["deliveries"] if each["state"] == "current" or objects.below(each["path"])]
    deliveries = tuple(_verify_listed(objects, entry, trust.known, inspect) for entry in listed)
    if deliveries and not trust.known:  # nobody's word for it: one hand made index and deliveries
        _check_signers(deliveries, trust)
        issuer = deliveries[0].public_key
        check_envelope(index, content, {key_id(issuer): issuer}, INDEX)
    current = [one for one, entry in zip(deliveries, listed, strict=True) if entry["state"] == "current"]
    _check_nothing_else(objects, deliveries, (INDEX, KEYS, *verify_logs(objects, index["delta"], current)))
    return _of_one_client(Verified(deliveries, pinned is not None, index, digest, issuer))


def _check_periods(index: Document) -> None:
    """Each path is listed once; a period names a listed delivery of its own, or has a cause of silence."""
    listed = {entry["path"]: entry for entry in index["deliveries"]}
    if len(listed) != len(index["deliveries"]):
        (path, _), *_ = Counter(entry["path"] for entry in index["deliveries"]).most_common(1)
        refuse(f"{INDEX} lists {path} twice.", "index.path_twice")
    for period in index["periods"]:
        entry, delivered = listed.get(period["path"], {}), period["state"] == "delivered"
        names = entry and all(entry[name] == period[name] for name in (*_OF, "path", "digest"))
        silent = period["path"] is period["digest"] is None
        if (delivered and not (names and entry["state"] == "current")) or not (names or silent):
            what = f"{INDEX} states {plain_name(period['period'])} as {period['state']} with the wrong path or digest."
            refuse(what, "index.contradiction")
        if delivered != (period["cause"] is None):
            refuse(f"{INDEX} states {plain_name(period['period'])} with the wrong cause.", "index.contradiction")


def _check_history(index: Document, digest: str, seen: Document | None, least: int) -> None:
    """Refuse an older index than was seen or demanded, another of the same sequence, and omitted deliveries."""
    if seen and index["client"] != seen["client"]:
        what = (
            f"{INDEX} is of client {plain_name(index['client'])}, and the state file of {plain_name(seen['client'])}."
        )
        refuse(what, "index.other_client", "Give the state file of this client. If it is, do not use the deliveries.")
    sequence, last = index["sequence"], (seen or {}).get("sequence", 0)
    if sequence < (newest := max(least, last)):
        refuse(
            f"{INDEX} has sequence {sequence}, and {newest} was seen or demanded: it is an older one.",
            "index.rolled_back",
        )
    if not seen:
        return
    follows = {last: digest, last + 1: index["previous"]}.get(sequence, seen["index"])
    if follows != seen["index"]:
        refuse(f"{INDEX} with sequence {sequence} does not follow the index seen before.", "index.other_history")
    listed = {entry["path"]: entry["digest"] for entry in index["deliveries"]}
    for entry in seen["deliveries"]:
        if listed.get(entry["path"]) != entry["digest"]:
            refuse(f"{INDEX} no longer lists {entry['path']} as it was seen before.", "index.delivery_dropped")


def _verify_listed(objects: UntrustedObjects, entry: Document, keys: Any, inspect: Inspect | None) -> VerifiedDelivery:
    path, base = entry["path"], f"{entry['product']}/v{entry['version']}/"
    if not path.startswith(base):
        refuse(f"{INDEX} lists {path} as a delivery of {base[:-1]}.", "index.other_delivery")
    delivery = verify_delivery(objects, base, path.removeprefix(base), keys, inspect)
    if delivery.manifest_sha256 != entry["digest"]:
        refuse(f"{path}/manifest.json is not the one that {INDEX} names: its SHA-256 differs.", "index.digest_differs")
    stated = {**delivery.manifest, "revision": delivery.manifest["delivery_revision"]}
    if any(stated[name] != entry[name] for name in (*_OF, "revision")):
        what = f"{path} holds the delivery of another period, product or revision than {INDEX} says."
        refuse(what, "index.other_delivery")
    return delivery


def _check_nothing_else(
    objects: UntrustedObjects, deliveries: Collection[VerifiedDelivery], others: Collection[str]
) -> None:
    """Refuse objects that are in no verified delivery, and are none of the others that were verified."""
    strays = sorted(set(objects.sizes).difference(others, *(delivery.names for delivery in deliveries)))
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        refuse(f"{plain_name(strays[0])}{more}: no verified delivery holds it.", "index.unnamed_objects", REMOVE_OR_ASK)
