"""Who may do what on the local S3 server: one identity a client, for its bucket alone; keys in files of 0600."""

import configparser
import io
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

ADMIN = "admin"

Keys = tuple[str, str]
"""Access key and secret key."""


def write_identities(path: Path, buckets: Mapping[str, str]) -> dict[str, Keys]:
    """Write the server's identities: the admin and each client of `buckets`. Existing keys remain."""
    known = json.loads(path.read_text())["identities"] if path.exists() else []
    keys = {one["name"]: (one["credentials"][0]["accessKey"], one["credentials"][0]["secretKey"]) for one in known}
    for name in (ADMIN, *buckets):
        keys.setdefault(name, (secrets.token_hex(10).upper(), secrets.token_urlsafe(30)))
    allowed = {ADMIN: ["Admin", "Read", "Write", "List"]}
    allowed |= {name: [f"{act}:{bucket}" for act in ("Read", "Write", "List")] for name, bucket in buckets.items()}
    identities = [
        {"name": name, "credentials": [{"accessKey": keys[name][0], "secretKey": keys[name][1]}], "actions": actions}
        for name, actions in allowed.items()
    ]
    _write(path, json.dumps({"identities": identities}, indent=1))
    return keys


def write_profiles(path: Path, keys: Mapping[str, Keys]) -> Path:
    """Write the keys as AWS profiles, one a client."""
    profiles = configparser.ConfigParser(interpolation=None)
    for name, (access, secret) in keys.items():
        profiles[name] = {"aws_access_key_id": access, "aws_secret_access_key": secret}
    text = io.StringIO()
    profiles.write(text)
    _write(path, text.getvalue())
    return path


def _write(path: Path, text: str) -> None:
    """Replace a file by one that only we can read, from its first byte on."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
