"""Versions of the registers: which files say who may be counted, and whether they may follow earlier ones.

An older or shortened consents file brings back people who withdrew. So each used version is recorded: the keyed digest
of its content, the hour of its newest entry, its withdrawals. A version that ends earlier, was superseded, or lost too
many rows or withdrawals needs an override.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.errors import RejectedInput
from tasks.events.consent import CONSENT_COLUMNS
from tasks.events.consent_history import history_extent
from tasks.events.file_digests import digest
from tasks.events.formats import load_formats
from tasks.events.gate import REGISTER_SHRUNK, REGISTER_VALUES, REGISTER_WENT_BACK, refuse_register_values
from tasks.events.landing import find_register
from tasks.events.panel import SUBSCRIBER_COLUMNS
from tasks.events.reference_tables import count_rows
from tasks.events.register_values import RegisterFacts
from tasks.period import clock
from tasks.policy import Policy
from tasks.store import LandingStores
from tasks.store.audit import AuditEntry
from tasks.store.tables import RegisterVersion

PERSON_REGISTERS = {"subscribers": SUBSCRIBER_COLUMNS, "consents": CONSENT_COLUMNS}
"""The registers, and the columns that they must have."""
_USED = ("register used", "")


@dataclass(frozen=True)
class _Register:
    """A register as it is in the landing, and the versions that were used, oldest first."""

    file: str
    version: RegisterVersion
    versions: list[RegisterVersion]

    @property
    def used(self) -> RegisterVersion | None:
        """The version that was used last."""
        return _used(self.versions)

    @property
    def is_used(self) -> bool:
        """Whether that is the one in the landing."""
        return self.used is not None and self.used.digest == self.version.digest

    @property
    def went_back(self) -> bool:
        """Whether it ends earlier than the one used last; where that is not known, whether it was followed before."""
        newest, used = self.version.newest, self.used and self.used.newest
        known = any(version.digest == self.version.digest for version in self.versions)
        return newest < used or (known and newest == used) if newest and used else known


def registers_digest(stores: LandingStores) -> str:
    """A keyed digest of what the two files hold that say who may be counted, and of how the mapping reads them."""
    root, formats = stores.settings.landing_root, load_formats(stores.settings.mapping)
    mapping = formats.model_dump_json(include={*PERSON_REGISTERS, "landing", "ids"})
    return stores.digest_key.digest(
        repr([mapping, *(digest(find_register(root, name)) for name in PERSON_REGISTERS)]).encode()
    )


def check_registers(stores: LandingStores, overrides: Collection[str] = (), reason_id: int | None = None) -> None:
    """Record the registers as used; raises RejectedInput if one went back or shrank and no override says it is right.

    `reason_id`: the audit entry that says why. Again for the same files changes nothing.
    """
    with stores.locks.hold("registers"):
        changed = _changed(stores)
        faults = {found.version.name: _faults(found, stores.policy.policy) for found in changed}
        _refuse(faults, overrides)
        for found in changed:
            accepted = ", ".join(faults[found.version.name])
            event, why = ("register accepted", f"{accepted}: audit entry {reason_id}") if accepted else _USED
            entry = AuditEntry.by_user(event, f"register {found.version.name}", why, rows=found.version.rows)
            stores.catalog.use_register(found.version, entry)
        if REGISTER_VALUES in overrides:
            for name in PERSON_REGISTERS:
                entry = AuditEntry.by_user("register values accepted", f"register {name}", f"audit entry {reason_id}")
                stores.catalog.accept_values(name, entry)


def preview_registers(stores: LandingStores) -> str:
    """Whether the registers may follow those used before, in words; raises as `check_registers`, records nothing."""
    changed = _changed(stores)
    _refuse({found.version.name: _faults(found, stores.policy.policy) for found in changed}, ())
    files = " and ".join(found.file for found in changed)
    return f"{files} may follow those used before" if changed else "as they were when they were last used"


def _changed(stores: LandingStores) -> list[_Register]:
    """The registers that are not the ones used last."""
    return [found for found in (_find(stores, name) for name in PERSON_REGISTERS) if not found.is_used]


def _refuse(faults: Mapping[str, Mapping[str, str]], overrides: Collection[str]) -> None:
    standing = {rule: words for of in faults.values() for rule, words in of.items() if rule not in overrides}
    if standing:
        raise RejectedInput(
            " ".join(standing.values()),
            "Put the current file there. Or accept it as it is: "
            f"`throng ingest DAY {' '.join(f'--override {rule}' for rule in standing)} --reason TEXT`.",
            "registers.replaced",
        )


def check_register_values(stores: LandingStores, facts: RegisterFacts) -> None:
    """Raise RejectedInput if values of the registers are not understood, unless somebody said that they are right."""
    rule = stores.policy.policy.gate.rules.register_values
    if rule.severity == "critical" and not _values_accepted(stores):
        refuse_register_values(facts, rule)


def _values_accepted(stores: LandingStores) -> bool:
    used = (_used(stores.catalog.register_versions(name)) for name in PERSON_REGISTERS)
    return all(version and version.values_accepted for version in used)


def _used(versions: list[RegisterVersion]) -> RegisterVersion | None:
    """The version that was used last."""
    return next((version for version in versions if version.superseded is None), None)


def _find(stores: LandingStores, name: str) -> _Register:
    path, formats = find_register(stores.settings.landing_root, name), load_formats(stores.settings.mapping)
    keyed, rows = stores.digest_key.digest(digest(path).encode()), count_rows(path, PERSON_REGISTERS[name], formats)
    now = datetime.now(UTC)
    version = RegisterVersion(name=name, digest=keyed, rows=rows, first_seen=now)
    found = _Register(path.name, version, stores.catalog.register_versions(name))
    if name == "consents" and not found.is_used:
        extent = history_extent(stores.settings.landing_root, stores.policy.policy.time, now, formats)
        version.newest, version.withdrawals = extent.newest, extent.withdrawals
    return found


def _faults(found: _Register, policy: Policy) -> dict[str, str]:
    """What is wrong with a version that would follow the one used last, by rule."""
    faults, limit = {}, policy.gate.register_shrink
    if found.went_back:
        faults[REGISTER_WENT_BACK] = f"{found.file} is an old file: {_why_old(found, policy)}"
    if found.used:
        known = found.version.withdrawals is not None and not found.went_back  # of an old file it is said once
        before = (found.used.rows, found.used.withdrawals or 0 if known else 0)
        now = (found.version.rows, found.version.withdrawals or 0)
        lost = [
            f"{there:,} {what}, {was - there:,} fewer"
            for was, there, what in zip(before, now, ("rows", "withdrawals"), strict=True)
            if there < was * (1 - limit)
        ]
        if lost:
            said = " and ".join(lost)
            faults[REGISTER_SHRUNK] = f"{found.file} has {said} than the one used before; {limit:.0%} may go."
    return faults


def _why_old(found: _Register, policy: Policy) -> str:
    zone, used, newest = policy.time.local, found.used, found.version.newest
    if newest and used and used.newest and newest < used.newest:
        last, before = clock(newest, zone), clock(used.newest, zone)
        return f"its last grant or withdrawal is of the hour of {last}, that of the one used before of {before}."
    first = next(version.first_seen for version in found.versions if version.digest == found.version.digest)
    return f"first used at {clock(first, zone)}; another one took its place since."
