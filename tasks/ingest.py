"""ingest(day): landing -> lake for one network-local day. Raw ids exist only during the walk."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

import pyarrow.parquet as pq

from tasks.engine.local import LocalEngine
from tasks.engine.spec import DayResult, DayWork, Engine
from tasks.errors import Misconfigured, RefusedRelease, RejectedInput
from tasks.events.file_facts import FileFacts, file_facts
from tasks.events.files import FileGroup, group_files
from tasks.events.formats import load_formats
from tasks.events.gate import check_rules, judge_day, judge_plans, refuse
from tasks.events.gate_metrics import strange
from tasks.events.landing import DayLanding, find_day, unchanged
from tasks.events.late_arrivals import listing_of
from tasks.events.loss_report import explain_loss, loss_shapes
from tasks.events.panel import read_panel
from tasks.events.plan_rules import PlanChecks
from tasks.events.profile import NO_ROWS, NoisyValue, keys
from tasks.events.reasons import READ_REASONS
from tasks.events.register_values import RegisterFacts
from tasks.events.row_rules import ReadContext
from tasks.mobility.day import PROFILE_UNIT, walk_rules
from tasks.mobility.plans import Plans, load_plans
from tasks.mobility.tables import LakeTable
from tasks.period import Cadence, Period, day_hours, day_start
from tasks.privacy.bounds import Contributions, LevelRule
from tasks.privacy.noise import Noise
from tasks.privacy.protect import KeyFacts, protect
from tasks.products import registry
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.public_plans import cell_evidence, keep_plans
from tasks.refs import DayRef, Outcome
from tasks.register_versions import check_registers
from tasks.release import (
    PROFILES_A_DAY,
    PendingDraw,
    ReleaseDraw,
    ReleaseInputs,
    check_clock,
    day_profile,
    rules_of,
    utc_now,
)
from tasks.retention import check_not_expired, remove_superseded
from tasks.staged_day import StagedDayRef, gate_lines, reject, reject_unread, staged_day_ref
from tasks.step import progress, step
from tasks.store import LandingStores, usage
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs
from tasks.store.event_log import bind_lineage, day_lineage
from tasks.store.lake import StagedVersion
from tasks.store.scratch import PrivateFolder, private_folder
from tasks.validation import Validator, validate


class Ingest:
    """Ingests days. After a death, the next call starts again from the landing, under the same charge."""

    def __init__(
        self,
        stores: LandingStores,
        noise: Noise,
        now: Callable[[], datetime] = utc_now,
        engine: Engine | None = None,
        validator: Validator = validate,
    ) -> None:
        self._stores = stores
        self._noise = noise
        self._now = now
        self._validator = validator
        settings = stores.settings
        self._engine = engine or LocalEngine(settings.scratch_root, os.cpu_count() or 1, settings.memory_limit)

    def __call__(
        self, day: date, overrides: Collection[str] = (), reason_id: int | None = None, again: bool = False
    ) -> DayRef:
        """Ingest a closed day; `overrides` names gate rules, `reason_id` the audit entry that says why.

        `again`: also a landing that was ingested before, for files that the lake has lost.
        """
        self._check_overrides(overrides, reason_id)
        check_clock(self._stores)
        with (
            self._stores.locks.hold(f"day-{day}"),
            self._stores.catalog.run("ingest", str(day)) as run,
        ):
            ref = self.find_ingested(day, overrides, reason_id, again)
            if ref is None:
                staged = self.walk(day)
                revision = self.draw_profile(staged) if staged.found.rows_kept or "rows_kept" in overrides else None
                ref = self.judge(staged, revision, overrides)
            remove_superseded(self._stores, day)
            run.outcome, run.message = ref.outcome, ref.note
            return ref

    def _check_overrides(self, overrides: Collection[str], reason_id: int | None) -> None:
        check_rules(overrides)
        if overrides and (reason_id is None or self._stores.audit.entry(reason_id) is None):
            raise Misconfigured(
                "An override needs a reason.",
                "Add --reason TEXT: it goes to the audit table.",
                "gate.override_without_reason",
            )

    @step("find the day, if it is ingested or not closed")
    def find_ingested(
        self, day: date, overrides: Collection[str] = (), reason_id: int | None = None, again: bool = False
    ) -> DayRef | None:
        """The day if there is nothing to do; None if it is closed, and not ingested yet or asked `again`."""
        self._stores.installation.check()
        check_not_expired(self._stores, *(Period.holding(cadence, day) for cadence in _cadences(self._tables())))
        landing = self._landing(day)
        if not landing.closed:
            open_folders = ", ".join(folder.path.name for folder in landing.folders if not folder.closed)
            note = f"Not closed yet: {open_folders or day}. _COMPLETE closes it, or `close_after` hours past its end."
            return DayRef(day, 0, Outcome.AWAITING_LANDING, 0, 0, note=note)
        check_registers(self._stores, overrides, reason_id)
        current = None if again else self._stores.catalog.current(day)
        today = self._digest(landing), self._stores.policy.digest
        if current and (current.landing_digest, current.policy_digest) == today:
            bind_lineage(day_lineage(day, current.generation))
            return DayRef(day, current.generation, Outcome.ALREADY_INGESTED, current.rows_in, current.rows_kept)
        self._profile_revision(Period.day(day), self._digest(landing))  # refused before the walk, not after it
        return None

    def _landing(self, day: date) -> DayLanding:
        root, formats = self._stores.settings.landing_root, load_formats(self._stores.settings.mapping)
        return find_day(root, day, self._stores.policy.policy.time, self._now(), formats)

    def _tables(self) -> tuple[LakeTable, ...]:
        return registry.lake_tables(self._stores.policy.policy.budget.leave_out)

    def _digest(self, landing: DayLanding) -> str:
        return self._stores.digest_key.digest(landing.digest.encode())

    @step("read the day's events and walk its subscribers")
    def walk(self, day: date) -> StagedDayRef:
        """Read and walk the day into staging. Only this step sees raw ids."""
        landing, checks = self._landing(day), PlanChecks()
        try:
            with unchanged(f"The landing of {day}", landing.digest, lambda: self._landing(day).digest):
                check_registers(self._stores)
                staged, inputs, plans = self._begin(landing, checks)
                notes = keep_plans(self._stores.lake, landing.root, plans)
                result, facts = self._run(landing, plans, staged)
        except RejectedInput:
            if any(measure.stops for measure in checks.measures):
                results = judge_plans(checks.measures, self._validator)
                reject_unread(self._stores, day, self._digest(landing), landing.files, results)
            raise
        staged.write_profile(result.profile)
        staged.write_quarantine(result.read.quarantine)
        facts = replace(facts, plans=tuple(checks.measures))
        made = staged_day_ref(day, staged.generation, inputs, result, facts)
        month = Period.month(day).days
        others = {row.day: row.zone_plan for row in self._stores.catalog.days(month[0], month[-1]) if row.day != day}
        return replace(made, notes=(*plans.notes(others), *notes, *facts.registers.notes))

    def _begin(self, landing: DayLanding, checks: PlanChecks) -> tuple[StagedVersion, DayInputs, Plans]:
        """Begin a new, empty generation of the day, with its plans."""
        root, policy, day = self._stores.settings.landing_root, self._stores.policy.policy, landing.day
        plans = load_plans(root, day, policy.time, landing.formats, checks)
        zones, cells = plans.zones, plans.cells
        inputs = DayInputs(self._digest(landing), zones.version, plans.cell_version, self._stores.policy.digest)
        generation = self._stores.catalog.begin_day(day, inputs, listing_of(landing.files))
        staged = self._stores.lake.new_version(day, generation)
        for table in self._tables():
            staged.keep_table(table)
        staged.write_coverage(cells.covered_hours(len(zones.zone_ids), len(day_hours(day, policy.time.local))))
        return staged, inputs, plans

    def _run(self, landing: DayLanding, plans: Plans, staged: StagedVersion) -> tuple[DayResult, FileFacts]:
        settings, groups = self._stores.settings, group_files(landing.files, landing.formats)
        with private_folder(settings.scratch_root, landing.day) as folder:
            work, registers = self._prepare(landing.day, groups[0], plans, folder)
            usage.count(read=sum(file.bytes for file in landing.files))
            result = self._engine.run_day(work, staged, progress())
            end = day_start(Period.day(landing.day).end, self._stores.policy.policy.time.local)
            facts = replace(file_facts(landing, result.read, groups[1], end), registers=registers)
            return result, self._explained(facts, work, result)

    def _explained(self, facts: FileFacts, work: DayWork, result: DayResult) -> FileFacts:
        """The facts, with where rows went if too many are lost."""
        if not strange(facts, self._stores.policy.policy.gate.rules):
            return facts
        panel = len(work.pseudonyms[Cadence.DAY])
        return replace(facts, why=explain_loss(result.read, panel, loss_shapes(work.groups, work.context)))

    def _prepare(
        self, day: date, groups: tuple[FileGroup, ...], plans: Plans, folder: PrivateFolder
    ) -> tuple[DayWork, RegisterFacts]:
        """Panel and cells as files that no one else can read and that end with the walk."""
        root, policy = self._stores.settings.landing_root, self._stores.policy.policy
        tables, (profile,) = self._tables(), rules_of(GATE_PROFILE, Period.day(day), policy)
        periods = {cadence: Period.holding(cadence, day) for cadence in _cadences(tables)}
        for period in periods.values():  # also of a period without rows, to tell that from a lost key
            self._stores.data_keys.key(period)
        panel, registers = read_panel(
            root,
            period=periods[Cadence.DAY],
            time=policy.time,
            who=policy.who,
            now=self._now(),
            keyed=[self._stores.pseudonym_keys.key(period) for period in periods.values()],
            formats=load_formats(self._stores.settings.mapping),
            spill=folder.path / "registers",
        )
        context = ReadContext(day, policy.time, folder.panel, folder.path / "cells.parquet", policy.who.home_mcc)
        pq.write_table(panel, context.panel)
        pq.write_table(plans.cells.table(), context.cells)
        columns = ("pseudonym", *(f"extra_{n}" for n in range(len(periods) - 1)))
        work = DayWork(
            groups=groups,
            context=context,
            cells=plans.cells.arrays(cell_evidence(self._stores.lake, plans)),
            rules=walk_rules(policy, day, profile.bound),
            tables=tables,
            pseudonyms={cadence: panel[name].to_numpy() for cadence, name in zip(periods, columns, strict=True)},
        )
        return work, registers

    @step("draw the day's noisy profile")
    def draw_profile(self, staged: StagedDayRef) -> int:
        """Draw the day's noisy profile, or find that of an identical landing; returns its revision."""
        release_draw, day = ReleaseDraw(self._stores), Period.day(staged.day)
        try:
            revision = self._profile_revision(day, staged.inputs.landing_digest)
        except RefusedRelease:  # the landing changed since it was looked at
            self._stores.locks.confirm()  # else another process may be writing this generation
            self._stores.lake.staged_version(staged.day, staged.generation).discard()
            raise
        inputs = ReleaseInputs(
            staged.inputs.zone_plan, {str(day): staged.generation}, {"landing": staged.inputs.landing_digest}
        )
        key = release_draw.reserve(GATE_PROFILE, day, revision, inputs)
        rules = rules_of(GATE_PROFILE, day, self._stores.policy.policy)
        release_draw.finish(key, rules, lambda: self._counted(staged, rules), {})
        return revision

    def _profile_revision(self, day: Period, landing: str) -> int:
        """The profile that was charged for an identical landing, also for one that came back; else the next, if any."""
        for revision in range(1, PROFILES_A_DAY + 1):
            known = self._stores.ledger.find(GATE_PROFILE.name, GATE_PROFILE.version, str(day), revision)
            if known is None or known.digests.get("landing") == landing:
                return revision
        raise RefusedRelease(
            f"The profile of {day} was drawn {PROFILES_A_DAY} times already, once for each change of its landing.",
            "The day keeps the generation it has; to change it, put back a landing that was read before.",
            "gate.profile_draws_used",
        )

    def _counted(self, staged: StagedDayRef, rules: tuple[LevelRule, ...]) -> PendingDraw:
        """The profile, to be put under noise."""
        values = self._stores.lake.staged_version(staged.day, staged.generation).profile()
        (rule,) = rules
        counts = Contributions(rule.name, values, rule.bound, PROFILE_UNIT)
        entries = keys(len(values) - len(READ_REASONS))
        return PendingDraw(partial(protect, (counts,), rules, KeyFacts({rule.name: entries}), self._noise))

    @step("judge the day by the gate")
    def judge(self, staged: StagedDayRef, revision: int | None, overrides: Collection[str]) -> DayRef:
        """Let the gate judge the day; accept it into the lake, or reject it and raise what stops it.

        `revision`: of its profile; None for a day that keeps no row, which stops before anything is charged for it.
        """
        day, gate = staged.day, self._stores.policy.policy.gate
        profile = day_profile(self._stores, day, revision) if revision else NO_ROWS
        results = judge_day(staged.facts, profile, self._history(day), gate, overrides, self._validator)
        verdict = replace(staged.found, gate=gate_lines(results), profile_revision=revision)
        self._stores.locks.confirm()  # else another process may be writing this generation
        if any(result.stops for result in results):
            reject(self._stores, day, staged.generation, verdict, results)
            refuse(results)
        verdict = replace(verdict, files=self._stores.lake.staged_version(day, staged.generation).complete())
        facts = {"rows_in": verdict.rows_in, "rows_kept": verdict.rows_kept}
        subject = f"day {day} generation {staged.generation}"
        entry = AuditEntry.by_user("day ingested", subject, ", ".join(overrides), **facts)
        self._stores.catalog.accept_day(day, staged.generation, verdict, entry)
        return staged.accepted(results)

    def _history(self, day: date) -> list[NoisyValue]:
        """Noisy kept rows of the earlier days that the median looks back on, oldest first."""
        first = day - timedelta(days=self._stores.policy.policy.gate.gate_days)
        days = self._stores.catalog.days(first, day - timedelta(days=1))
        return [day_profile(self._stores, row.day, row.profile_revision).kept for row in days if row.profile_revision]


def _cadences(tables: Iterable[LakeTable]) -> list[Cadence]:
    """Cadences under whose keys a day's rows are: always the day's, then those of its tables."""
    return list(dict.fromkeys((Cadence.DAY, *(table.pseudonym for table in tables))))
