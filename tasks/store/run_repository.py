"""Runs in the catalog: which verb ran on what, and how it ended."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, func, select

from tasks import step
from tasks.errors import INTERRUPTED, StorageUnavailable, ThrongError
from tasks.store.database import Repository
from tasks.store.event_log import Fact, log_event, run_context
from tasks.store.tables import Run
from tasks.store.usage import Usage, tracked

STOPPED = "Stopped"


class RunRepository(Repository):
    """Every run from its start, so that one that died is seen too."""

    @contextmanager
    def run(self, verb: str, subject: str, flow_run_id: str | None = None) -> Iterator[Run]:
        """Record the block as a run; it sets `outcome`, `message` and, if not 0, `exit_code`; or else an error does."""
        run = Run(verb=verb, subject=subject, started=datetime.now(UTC), flow_run_id=flow_run_id or step.flow_run_id())
        with run_context(run) as trace, tracked() as used:
            self._save(run, "run started")
            number = run.id  # a run that cannot be saved in the end tells nothing any more
            try:
                yield run
            except BaseException as error:
                _fail(run, error)
                with suppress(StorageUnavailable):  # the error that ended the run says more
                    self._end(run, used)
                raise
            finally:
                step.log_to_run(
                    f"Run {number}{f' of lineage {trace.lineage}' if trace.lineage else ''} in logs/throng.jsonl."
                )
            run.exit_code = run.exit_code or 0
            self._end(run, used)

    def runs(self, limit: int = 50, failed: bool = False) -> list[Run]:
        """The latest runs, or only those that failed, newest first."""
        query = select(Run).where(col(Run.exit_code) > 0) if failed else select(Run)
        return self._all(query.order_by(col(Run.id).desc()).limit(limit))

    def last_runs(self) -> dict[tuple[str, str], Run]:
        """The latest run of each verb on each subject."""
        latest = select(func.max(Run.id)).group_by(Run.verb, Run.subject)
        return {(run.verb, run.subject): run for run in self._all(select(Run).where(col(Run.id).in_(latest)))}

    def end_runs(self, died: Mapping[str, Sequence[str]]) -> None:
        """End what flow runs left open that died, each with an outcome and a sentence; to die is not to fail."""
        unended = select(Run).where(col(Run.flow_run_id).in_(died), col(Run.ended).is_(None))
        with self._database.writing(locked=False) as session:
            for run in session.exec(unended.with_for_update()):
                run.outcome, run.message = died[str(run.flow_run_id)]
                run.ended, run.exit_code = datetime.now(UTC), INTERRUPTED
                with run_context(run):
                    log_event(session, "run ended", run.subject, outcome=run.outcome, exit_code=run.exit_code)

    def _end(self, run: Run, used: Usage) -> None:
        run.ended = datetime.now(UTC)
        run.cpu_seconds, run.s3_requests = round(used.cpu_seconds, 3), used.s3_requests
        run.bytes_read, run.bytes_written = used.bytes_read, used.bytes_written
        flag_modified(run, "message")  # whatever was said of it meanwhile, by who took it for dead
        costs = {name: getattr(run, name) for name in ("cpu_seconds", "bytes_read", "bytes_written", "s3_requests")}
        seconds = round((run.ended - run.started).total_seconds(), 3)
        self._save(run, "run ended", outcome=run.outcome, exit_code=run.exit_code, seconds=seconds, **costs)

    def _save(self, run: Run, event: str, /, **facts: Fact) -> None:
        with self._database.writing(locked=False) as session:
            session.add(run)
            session.flush()  # gives it its id
            log_event(session, event, run.subject, **facts)


def _fail(run: Run, error: BaseException) -> None:
    """Our own errors carry no values and are kept in full; of others only the type. An interrupt is no fault."""
    if not isinstance(error, Exception):  # Ctrl-C, or a supervisor's or Prefect's word to stop
        run.outcome, run.exit_code = STOPPED, INTERRUPTED
        return
    run.outcome = type(error).__name__
    run.exit_code = error.exit_code if isinstance(error, ThrongError) else 50
    run.message = str(error) if isinstance(error, ThrongError) else ""
