"""Attacks on the logs of Delta tables, by strangers and by a signer: the files below a prefix, and the code."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.deliverable.delta import DeltaVersion, log_facts
from tasks.deliverable.verifier.delta_logs import log_digest
from tests.unit.deliverable.factories import signed_again

TABLE = "footfall/v3/data/zone_hour"
LOG = f"{TABLE}/_delta_log"
Files = dict[str, bytes]


def log_attacks(good: Mapping[str, bytes], logs: Sequence[DeltaVersion]) -> dict[str, tuple[Files, str]]:
    """By name; `good`: what verifies, with its logs."""
    names = [f"{LOG}/{version.number:020d}.json" for version in logs]
    last = good[names[-1]]
    superseded = "cadence=day/dt=2026-03-02/revision=1/footfall.parquet"

    def without(name: str) -> Files:
        return {other: content for other, content in good.items() if other != name}

    def stated(change: Callable[[list[dict[str, Any]]], object]) -> Files:
        return {**good, "index.json": signed_again(good["index.json"], lambda document: change(document["delta"]))}

    def signed_log(content: bytes) -> Files:
        """Another newest version that the index states."""
        contents = [*(good[name] for name in names[:-1]), content]
        change = {"path": TABLE, "version": len(names) - 1, "digest": log_digest(contents)}
        (place,) = (n for n, fact in enumerate(log_facts("footfall/v3", logs)) if fact["path"] == TABLE)
        return {**stated(lambda delta: delta.__setitem__(place, change)), names[-1]: content}

    def naming(**changed: object) -> Files:
        actions = [json.loads(line) for line in last.splitlines()]
        actions[-1]["add"] |= changed
        return signed_log("\n".join(map(json.dumps, actions)).encode())

    return {
        "a byte of a log": ({**good, names[1]: good[names[1]].replace(b'"size"', b'"sizf"', 1)}, "delta.log_altered"),
        "a torn log": ({**good, names[-1]: last[:-40]}, "delta.log_altered"),
        "an empty log": ({**good, names[0]: b""}, "delta.log_altered"),
        "versions that changed places": ({**good, names[1]: last, names[-1]: good[names[1]]}, "delta.log_altered"),
        "no first version": (without(names[0]), "delta.files_differ"),
        "no last version": (without(names[-1]), "delta.files_differ"),
        "one version more": ({**good, f"{LOG}/{len(names):020d}.json": last}, "delta.files_differ"),
        "a checkpoint of a reader": ({**good, f"{LOG}/{1:020d}.checkpoint.parquet": b"PAR1"}, "delta.files_differ"),
        "a pointer to a checkpoint": ({**good, f"{LOG}/_last_checkpoint": b"{}"}, "delta.files_differ"),
        "a folder in a log": ({**good, f"{LOG}/_commits/x.json": b"{}"}, "delta.files_differ"),
        "a log of another table": ({**good, f"{TABLE}s/_delta_log/{0:020d}.json": last}, "index.unnamed_objects"),
        "logs that nobody states": (stated(list.clear), "index.unnamed_objects"),
        "a log that nobody wrote": (
            stated(lambda delta: delta.append({**delta[0], "path": "x"})),
            "delta.files_differ",
        ),
        "a log without end": (stated(lambda delta: delta[0].update(version=(1 << 53) - 1)), "delta.files_differ"),
        "a log above the prefix": (stated(lambda delta: delta[0].update(path="../x")), "delivery.document_invalid"),
        "a log of a file that is not there": (naming(path="dt=2026-03-04/x.parquet"), "delta.file_unknown"),
        "a log of a larger file": (naming(size=1 << 40), "delta.file_unknown"),
        "a log of a file elsewhere": (naming(path="s3://elsewhere/x.parquet"), "delivery.document_invalid"),
        "a log of a file above": (naming(path="../district_hour_demographic/x"), "delivery.document_invalid"),
        "a log of an earlier revision": (
            naming(path=superseded, size=len(good[f"{TABLE}/{superseded}"])),
            "delta.file_unknown",
        ),
        "a log that is no JSON": (signed_log(b"PAR1"), "delivery.document_unreadable"),
        "a log of lists": (signed_log(b"[]\n"), "delivery.document_invalid"),
        "a log of a megabyte more": (signed_log(b" " * (1 << 20) + last), "delivery.object_too_large"),
    }
