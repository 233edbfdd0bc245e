"""Clients in the catalog: their specifications and states."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select

from tasks.errors import Misconfigured
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.tables import Client, ClientState

CLIENT_TRANSITIONS: Mapping[ClientState, frozenset[ClientState]] = {
    ClientState.ACTIVE: frozenset({ClientState.DISABLED, ClientState.OFFBOARDED}),
    ClientState.DISABLED: frozenset({ClientState.ACTIVE, ClientState.OFFBOARDED}),
    ClientState.OFFBOARDED: frozenset(),
}
"""What may follow what: nothing follows an offboarding."""


class ClientRepository(Repository):
    """Who receives what, and who receives nothing any more."""

    def client(self, name: str) -> Client | None:
        """A client as last applied."""
        with self._database.reading() as session:
            return session.get(Client, name)

    def clients(self) -> list[Client]:
        """Every client, by name."""
        return self._all(select(Client).order_by(col(Client.name)))

    def active_clients(self) -> list[Client]:
        """Every client with deliveries to come, by name."""
        return self._all(select(Client).filter_by(state=ClientState.ACTIVE).order_by(col(Client.name)))

    def apply_client(
        self, name: str, spec: dict[str, Any], digest: str, audit: AuditEntry, enable: bool = False
    ) -> bool:
        """Keep a client's specification; False, and nothing written, if this very one is kept already.

        Raises Misconfigured for an offboarded client, and for a disabled one without `enable`.
        """
        with self._database.writing() as session:
            kept = session.get(Client, name)
            check_may_apply(kept, enable)
            disabled = kept is not None and kept.state is ClientState.DISABLED
            if kept and kept.digest == digest and not disabled:
                return False
            session.merge(
                Client(name=name, spec=spec, digest=digest, applied_at=datetime.now(UTC), state=ClientState.ACTIVE)
            )
            record(session, audit)
            if disabled:
                record(session, AuditEntry(audit.actor, "client enabled", name))
            return True

    def move_client(
        self, name: str, state: ClientState, audit: AuditEntry, spec: Mapping[str, Any] | None = None
    ) -> bool:
        """Change a client's state, and with it the specification that is kept; False if it is in that state.

        Raises Misconfigured if its state does not allow that.
        """
        with self._database.writing() as session:
            client = session.exec(select(Client).filter_by(name=name).with_for_update()).one()
            if client.state is state:
                return False
            if state not in CLIENT_TRANSITIONS[client.state]:
                raise _offboarded(name)
            client.state, client.spec = state, dict(spec or client.spec)
            record(session, audit)
            return True


def check_may_apply(client: Client | None, enable: bool) -> None:
    """Raise Misconfigured for a client that is offboarded, or disabled and not to be enabled."""
    if client and client.state is ClientState.OFFBOARDED:
        raise _offboarded(client.name)
    if client and client.state is ClientState.DISABLED and not enable:
        raise Misconfigured(
            f"The client {client.name} is disabled.",
            "Run `throng client apply FILE.toml --enable` to deliver again.",
            "client.is_disabled",
        )


def _offboarded(name: str) -> Misconfigured:
    return Misconfigured(
        f"The client {name} is offboarded, which is final.",
        "Give a new contract a client file with another name and prefix.",
        "client.is_offboarded",
    )
