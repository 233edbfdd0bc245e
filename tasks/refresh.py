"""refresh(period): registers -> the period's eligible list; the landing zone's part of a publication.

Eligibility is judged when the registers are read here. A withdrawal that arrives between this refresh and the draw
does not stop that draw: the next refresh leaves the person out, and `expire` removes the rows.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa

from tasks.errors import RefusedRelease
from tasks.events.formats import load_formats
from tasks.events.landing import unchanged
from tasks.events.panel import eligible, read_panel
from tasks.period import Period, day_start
from tasks.refs import EligibleRef, ReleaseRef
from tasks.register_versions import check_register_values, check_registers, registers_digest
from tasks.release import utc_now
from tasks.staleness import changes_since, not_in_lake
from tasks.step import step
from tasks.store import LandingStores
from tasks.store.scratch import private_folder

STANDS = timedelta(hours=1)
"""How long the products of a period share a list while registers, policy and key are the same."""


class LandingSide(Protocol):
    """What a publication asks of the landing zone; each method is a step of that zone."""

    def refresh(self, period: Period) -> EligibleRef:
        """Rewrite the period's eligible list from the registers as they are now."""

    def changes_since(self, ref: ReleaseRef) -> tuple[str, ...]:
        """What has changed since a release was drawn, in words."""

    def check_ingested(self, period: Period) -> None:
        """Raise RefusedRelease while the landing holds event files of the period that the lake lacks."""


class Refresh:
    """Reads registers and pseudonym keys, so that `publish` opens neither."""

    def __init__(self, stores: LandingStores, now: Callable[[], datetime] = utc_now) -> None:
        self._stores = stores
        self._now = now

    @step("refresh the eligible list")
    def refresh(self, period: Period) -> EligibleRef:
        """The period's eligible list from the registers as they are now; raw ids end with this call.

        Raises RejectedInput for registers that went back, shrank or are not understood, and StorageUnavailable where
        they change while they are read.
        """
        self._stores.installation.check()
        with self._stores.locks.hold(f"eligible-{period}"):  # products of a period share the list: the latest counts
            return self._refreshed(period)

    def _refreshed(self, period: Period) -> EligibleRef:
        key = self._stores.pseudonym_keys.existing(period)  # before registers are read
        digest = registers_digest(self._stores)
        basis = self._stores.digest_key.digest(repr([digest, self._stores.policy.digest, key]).encode())
        with unchanged("The subscribers or consents file", digest, lambda: registers_digest(self._stores)):
            check_registers(self._stores)
            listed = None if self._stands(period, basis) else self._judged(period, key)
        if listed is not None:
            self._stores.lake.write_eligible(period, listed, digest, f"{basis} {self._now().isoformat()}")
        return EligibleRef(str(period), digest)

    def _stands(self, period: Period, basis: str) -> bool:
        """Whether the list was judged a short time ago, after the period, by the same registers, policy and key.

        After the period's end, a later judgement of the same registers comes to the same list.
        """
        before, _, at = self._stores.lake.eligible_basis(period).partition(" ")
        if before != basis:  # also where a list was changed since it was judged
            return False
        judged, end = datetime.fromisoformat(at), day_start(period.end, self._stores.policy.policy.time.local)
        return judged >= end and timedelta(0) <= self._now() - judged <= STANDS

    def _judged(self, period: Period, key: bytes) -> pa.Table:
        """Who may be counted, by the registers as they are now."""
        settings, policy = self._stores.settings, self._stores.policy.policy
        with private_folder(settings.scratch_root, f"registers-{period}") as folder:
            panel, values = read_panel(
                settings.landing_root,
                period=period,
                time=policy.time,
                who=policy.who,
                now=self._now(),
                keyed=[key],
                formats=load_formats(settings.mapping),
                spill=folder.path / "registers",
            )
        check_register_values(self._stores, values)
        zone = policy.time.local
        length = day_start(period.end, zone) - day_start(period.first, zone)
        return eligible(panel, int(length.total_seconds()))

    @step("find changes of the landing since the draw")
    def changes_since(self, ref: ReleaseRef) -> tuple[str, ...]:
        """What has changed since a release was drawn, in words; empty if it would be drawn from the same today."""
        release = self._stores.ledger.find(ref.product, ref.version, ref.period, ref.revision)
        return changes_since(self._stores, release, self._now()) if release else ()

    @step("check that the lake has all of the landing")
    def check_ingested(self, period: Period) -> None:
        """Raise RefusedRelease while the landing holds event files of the period that the lake lacks.

        A revision is charged again: it must not be drawn without rows that wait beside it.
        """
        for day, files in not_in_lake(self._stores, period, self._now()).items():
            raise RefusedRelease(
                f"A revision would be drawn without late files of {day}: {files}.",
                f"Run `throng ingest {day}` first, or take the files out of the landing.",
                code="release.late_files",
            )
