"""Clients' buckets: write once, read back, compare; every request carries a checksum and the owner we expect."""

import base64
import hashlib
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tasks import env_files
from tasks.errors import Misconfigured, RefusedDelivery, shown
from tasks.store import usage
from tasks.store.bucket_answers import listed
from tasks.store.bucket_clients import BucketClients, host_of, own_client
from tasks.store.bucket_errors import code_of, translate_errors
from tasks.store.client_spec import Destination

INDEX = "index.json"
"""One of the two objects that may change; `keys.json` is the other one."""

MAX_OBJECT_BYTES = 2 << 30
"""Most bytes of one object, so that a client's objects cannot fill the memory."""

MAX_OBJECTS = 500_000
"""Most objects in a client's folder: ten daily products over more than twenty years."""

MEDIA_TYPE = "binary/octet-stream"
"""Media type of objects without one."""

_PIECE_BYTES = 1 << 20
_MAX_ALIKE = 1_000  # objects whose names begin as another one's


class Bucket:
    """A client's folder in its bucket; keys are relative to the folder. Raises the errors of `bucket_errors`."""

    def __init__(
        self, store: Any, name: str, prefix: str, owner: str | None = None, key_arn: str | None = None
    ) -> None:
        self._store = store
        self._endpoint = host_of(store)
        self._root = f"{prefix}/" if prefix else ""
        self._every = {"Bucket": name} | ({"ExpectedBucketOwner": owner} if owner else {})
        self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn} if key_arn else {}
        self.location = f"s3://{name}/{prefix}".rstrip("/")

    def put_new(self, key: str, body: bytes, sha256: str, media_type: str = MEDIA_TYPE) -> None:
        """Write a new object, read it back and compare; an existing one with equal bytes is accepted."""
        with self._translate_errors(f"writing {key}"):
            try:
                self._put(key, body, sha256, {"IfNoneMatch": "*", "ContentType": media_type})
            except ClientError as error:
                if code_of(error) not in ("PreconditionFailed", "412"):
                    raise
        self.compare(key, body)

    def put_index(self, body: bytes) -> None:
        """Write or replace the index. Read back and compared."""
        self.replace(INDEX, body)
        self.compare(INDEX, body)

    def replace(self, key: str, body: bytes) -> None:
        """Write or replace a JSON document."""
        with self._translate_errors(f"writing {key}"):
            self._put(key, body, hashlib.sha256(body).hexdigest(), {"ContentType": "application/json"})

    def check_conditional_write(self, body: bytes) -> None:
        """Ask for a new object in place of the index, with the index's own bytes: the store must not write it."""
        with self._translate_errors(f"writing {INDEX} again as a new object"):
            try:
                further = {"IfNoneMatch": "*", "ContentType": "application/json"}
                self._put(INDEX, body, hashlib.sha256(body).hexdigest(), further)
            except ClientError as error:
                if code_of(error) in ("PreconditionFailed", "412"):
                    return
                raise
        raise RefusedDelivery(
            f"{self.location}: the store ignores If-None-Match, so that objects could be overwritten.",
            "Ask the client for a bucket on a store that honours it.",
            "bucket.overwrites",
        )

    def check_encryption(self) -> str | None:
        """The encryption that the store states for the index; raises RefusedDelivery unless it is as asked for."""
        with self._translate_errors(f"reading {INDEX}"):
            answer = self._store.get_object(Key=f"{self._root}{INDEX}", **self._every)
            answer["Body"].close()
        stated, key = answer.get("ServerSideEncryption"), str(answer.get("SSEKMSKeyId"))
        asked = str(self._encryption.get("SSEKMSKeyId", ""))
        same = key in (asked, asked.rpartition("/")[2]) or ":alias/" in asked  # S3 answers an alias with its key
        if asked and not (stated == "aws:kms" and same):
            raise RefusedDelivery(
                f"{self.location}: {INDEX} is not encrypted under the key that the client's file names.",
                "Ask which key the bucket enforces, and correct `kms_key_arn`. Its store must offer SSE-KMS.",
                "bucket.encryption_differs",
            )
        return ":".join(map(shown, str(stated).split(":"))) if stated else None

    def get(self, key: str, most: int = MAX_OBJECT_BYTES) -> bytes:
        """An object's bytes, checked against the store's own checksum; raises RefusedDelivery for more than `most`."""
        body = self._read(key, most)
        if len(body) > most:
            raise RefusedDelivery(
                f"{self.location}: {key} has more than the {most} bytes that it may have.",
                "Ask who wrote there; nothing was overwritten.",
                "bucket.object_too_large",
            )
        return body

    def _read(self, key: str, most: int) -> bytes:
        """At most one piece more than `most` bytes, whatever size the store states."""
        content = bytearray()
        with self._translate_errors(f"reading {key}"):
            body = self._store.get_object(Key=self._root + key, ChecksumMode="ENABLED", **self._every)["Body"]
            for piece in body.iter_chunks(_PIECE_BYTES):
                content += piece
                if len(content) > most:
                    body.close()
                    break
        usage.count(read=len(content))
        return bytes(content)

    def sizes(self, prefix: str = "", most: int = MAX_OBJECTS) -> dict[str, int]:
        """Size in bytes of each object whose key begins with the prefix, by key, sorted; refused if more than `most`.

        Not HEAD: S3 may answer 403 for an absent object to identities that may list only a part of the bucket.
        """
        found: dict[str, int] = {}
        with self._translate_errors("listing"):
            pages = self._store.get_paginator("list_objects_v2").paginate(Prefix=self._root + prefix, **self._every)
            for number, page in enumerate(pages):  # empty pages may go on without end
                found |= listed(page)
                if max(number, len(found)) > most:
                    raise RefusedDelivery(
                        f"{self.location}/{prefix} holds more than {most:,} objects.",
                        "Ask the client what fills it, and to remove that; then run the command again.",
                        "bucket.too_many_objects",
                    )
        return {key.removeprefix(self._root): found[key] for key in sorted(found)}

    def found(self, key: str, most: int) -> bytes | None:
        """An object's bytes, if it is there; raises RefusedDelivery for more than `most`."""
        return self.get(key, most) if key in self.sizes(key, _MAX_ALIKE) else None

    def probe(self) -> None:
        """List one key: checks the bucket, its owner and the permission to list. Writes nothing."""
        with self._translate_errors("listing"):
            listed(self._store.list_objects_v2(Prefix=self._root, MaxKeys=1, **self._every))

    def _translate_errors(self, doing: str) -> AbstractContextManager[None]:
        return translate_errors(self.location, doing, self._endpoint)

    def _put(self, key: str, body: bytes, sha256: str, further: Mapping[str, str]) -> None:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        self._store.put_object(
            Key=self._root + key,
            Body=body,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
            **self._every,
            **self._encryption,
            **further,
        )
        usage.count(written=len(body))

    def compare(self, key: str, body: bytes, listed: int | None = None) -> None:
        """Raise RefusedDelivery if an object holds other bytes; one of another listed size is not read."""
        if listed not in (None, len(body)) or self._read(key, len(body)) != body:
            raise RefusedDelivery(
                f"{self.location}: {key} holds other bytes than the delivery's.",
                "Ask the client who wrote there; nothing was overwritten. Remove it and deliver again.",
                "bucket.other_bytes",
            )


class Buckets:
    """Opens clients' buckets, under the identity that each client's file names."""

    def __init__(self, home: Path | None = None) -> None:
        """Use AWS_* lines of `.env` and the home's `env` like the environment, which comes first."""
        for name, value in (*env_files.dotenv().items(), *(env_files.read(home).items() if home else ())):
            if name.startswith("AWS_") and value:
                os.environ.setdefault(name, value)
        self._clients = BucketClients()

    def open(self, destination: Destination) -> Bucket:
        """The client's folder, for reading and writing."""
        with translate_errors(f"s3://{destination.bucket}", "finding credentials"):
            store = self._clients.of(destination)
        return Bucket(
            store, destination.bucket, destination.prefix, destination.expected_bucket_owner, destination.kms_key_arn
        )

    def probe(self, destination: Destination) -> None:
        """Raise an error unless the bucket can be found and listed. Writes nothing."""
        self.open(destination).probe()

    def at(self, location: str) -> Bucket:
        """The folder at `s3://bucket/prefix`, read with this machine's own credentials."""
        name, _, prefix = location.removeprefix("s3://").strip("/").partition("/")
        if not location.startswith("s3://") or not name:
            raise Misconfigured(
                f"'{location[:80]}' is not an s3:// address.", "Write s3://bucket/prefix.", "bucket.address"
            )
        with translate_errors(f"s3://{name}", "finding credentials"):
            return Bucket(own_client(), name, prefix)
