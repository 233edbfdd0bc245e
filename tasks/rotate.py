"""rotate(): the next signing key, signed by the one before; then keys.json and index of every active client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.deliver import Deliver
from tasks.deliverable.key_history import with_former_revoked, with_successor
from tasks.deliverable.signature import public_key
from tasks.deliverable.verifier.signatures import key_id
from tasks.errors import ThrongError
from tasks.key_ring import key_ring
from tasks.release import utc_now
from tasks.store import ReleasedStores
from tasks.store.audit import AuditEntry
from tasks.store.signing_keys import Statement

LOCK = "signing-keys"


@dataclass(frozen=True)
class Rotated:
    """What became of a rotation."""

    former: Statement
    current: Statement
    clients: Mapping[str, ThrongError | None]
    """Each active client, and why its bucket could not be written."""
    completed: bool
    """No key was made now: an earlier rotation was stopped, and this one completed it."""


class Rotate:
    """Replaces the signing key. A rotation that was killed is completed by the same command: never a second key."""

    def __init__(self, stores: ReleasedStores, now: Callable[[], datetime] = utc_now) -> None:
        self._stores = stores
        self._keys = stores.signing_keys
        self._now = now

    def __call__(self, reason: str | None = None) -> Rotated:
        """Replace the key; `reason`: why all former keys are revoked, None if they are not."""
        with self._stores.locks.hold(LOCK):
            completed = not self._replace(reason)
            self._keys.destroy_former()
            active = [client.name for client in self._stores.catalog.active_clients()]
            clients = {name: self._write(name) for name in active}
            *_, former, current = statements = self._keys.ring().statements
            self._keys.replace(statements, None)
            return Rotated(former, current, clients, completed)

    def _replace(self, reason: str | None) -> bool:
        """Make, audit and state the next key; False if the same rotation got that far before it was killed."""
        asked = {"revoke": reason is not None}
        ring = key_ring(self._keys, self._now())
        if ring.rotation == asked:
            return False
        new = self._keys.prepare()
        statements = with_successor(ring.statements, ring.private, new, self._now())
        if reason is not None:
            statements = with_former_revoked(statements)
        self._audit(key_id(public_key(new)), reason)
        self._keys.replace(statements, asked)
        return True

    def _audit(self, new: str, reason: str | None) -> None:
        """Before the statement, so that no key signs without its audit row; a rerun finds the row."""
        event = "signing key rotated" if reason is None else "signing key rotated, former keys revoked"
        if event not in {entry.event for entry in self._stores.audit.entries(new)}:
            self._stores.audit.write(AuditEntry.by_user(event, new, reason or "", key_id=new))

    def _write(self, client: str) -> ThrongError | None:
        try:
            Deliver(self._stores, self._now).refresh(client)
        except ThrongError as fault:
            return fault
        return None
