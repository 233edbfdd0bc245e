"""A step is a plain method without a flow, a task within one; and it tells nothing of the values it saw."""

import errno
import os
import subprocess
import sys
from asyncio import CancelledError
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from prefect.exceptions import TerminationSignal

from tasks.errors import RejectedInput, StepFailed, StorageUnavailable
from tasks.period import day_start
from tasks.step import flow_run_id, progress, report_progress, step
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.event_log import bind_lineage
from tasks.store.migrations import prepare
from tests.refusals import refused

CANARY = "4915155500001"


class Sorting:
    """A verb for the tests."""

    def __init__(self, faults: int = 0) -> None:
        self.calls = 0
        self.faults = faults

    @step("is north up?")
    def look(self, word: str) -> str:
        progress()("half", 1, 2)
        return word.upper()

    @step("read a number")
    def stumble(self, value: str) -> int:
        return int(value + "x")

    @step("read a day")
    def misread(self, text: str) -> str:
        return day_start(text, ZoneInfo("UTC")).isoformat()  # type: ignore[arg-type]

    @step("take too much")
    def gather(self) -> int:
        return len(np.empty(1 << 60, np.int8))

    @step("end")
    def end(self, how: BaseException) -> None:
        raise how

    @step("refuse a file")
    def refuse(self) -> None:
        try:
            int(CANARY + "x")
        except ValueError:
            raise RejectedInput("File a.csv has no rows.", "Send it again.")  # noqa: B904  (the cause is the test)

    @step("write to the bucket")
    def store(self) -> int:
        self.calls += 1
        if self.calls <= self.faults:
            raise StorageUnavailable("The bucket does not answer.", "Wait.")
        return self.calls


def test_memory_that_ran_out_is_said_as_such_and_is_no_defect() -> None:
    with pytest.raises(StepFailed, match="sorting: memory ran out at an unknown place") as fault:
        Sorting().gather()
    assert "defect" not in str(fault.value)
    assert "run the same command again" in fault.value.action


@pytest.mark.parametrize(
    ("number", "code", "exit_code"),
    [
        (errno.EMFILE, "machine.open_files", 40),
        (errno.ENFILE, "machine.open_files", 40),
        (errno.ENOSPC, "disk.full", 40),
        (errno.ENOENT, "step.defect", 50),
    ],
)
def test_what_the_machine_lacks_is_waited_for_and_is_no_defect(number: int, code: str, exit_code: int) -> None:
    with refused(code) as fault:
        Sorting().end(OSError(number, os.strerror(number), f"/landing/{CANARY}"))
    assert fault.value.exit_code == exit_code
    assert CANARY not in str(fault.value)


def test_without_a_flow_a_step_is_the_plain_method() -> None:
    assert Sorting().look("north") == "NORTH"
    assert flow_run_id() is None


def test_without_a_flow_a_step_does_not_import_prefect() -> None:
    code = (
        "import sys; from tasks.step import step\n"
        "class V:\n @step('look')\n def look(self): return 1\n"
        "V().look(); assert not any(m.startswith('prefect') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unforeseen_error_keeps_its_type_and_place_and_loses_its_message() -> None:
    with pytest.raises(StepFailed, match=r"^sorting: ValueError at an unknown place\.") as caught:
        Sorting().stumble(CANARY)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_unforeseen_error_names_the_innermost_line_of_our_own_code() -> None:
    with pytest.raises(StepFailed, match=r"^sorting: AttributeError at period:\d+\. This is a defect"):
        Sorting().misread(CANARY)


def test_what_a_library_raises_beside_all_exceptions_loses_its_message_too() -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    for fault in (panic(f"cannot read {CANARY}"), BaseExceptionGroup(CANARY, [panic(CANARY)])):
        with pytest.raises(StepFailed, match=rf"^sorting: {type(fault).__name__} at an unknown place\.") as caught:
            Sorting().end(fault)
        assert CANARY not in str(caught.value)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError, TerminationSignal])
def test_a_word_to_stop_is_no_fault_and_passes_as_it_is(how: type[BaseException]) -> None:
    word = how(15) if how is TerminationSignal else how()
    with pytest.raises(how) as caught:
        Sorting().end(word)
    assert caught.value is word


def test_a_known_error_passes_without_its_causes() -> None:
    with pytest.raises(RejectedInput, match=r"File a\.csv has no rows\.") as caught:
        Sorting().refuse()
    assert caught.value.__context__ is None


def test_a_watcher_hears_each_step_and_how_far_it_is() -> None:
    heard: list[tuple[str, int, int]] = []
    with report_progress(lambda *said: heard.append(said)):
        Sorting().look("north")
    assert heard == [("look", 0, 0), ("look, half", 1, 2)]


def test_in_a_flow_a_step_is_a_task_of_its_own_name(prefect_stores: list[Path]) -> None:
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    @flow
    def sorting() -> str:
        Sorting().look(CANARY)
        return str(flow_run_id())

    run_id = sorting()
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    assert [run.name for run in runs] == ["look"]
    assert runs[0].task_inputs == {}


def test_the_log_of_a_run_says_of_each_step_what_is_being_done(
    prefect_stores: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    from prefect import flow

    @flow
    def sorting() -> None:
        Sorting().look(CANARY)

    with caplog.at_level("INFO", "prefect.flow_runs"):
        sorting()
    assert "look: is north up?" in caplog.messages


def test_the_page_of_a_run_names_its_lineage_and_its_lines_in_the_log(
    prefect_stores: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect import flow

    @flow
    def sorting() -> None:
        with Catalog(database).run("ingest", "2026-03-01"):
            bind_lineage("2026-03-01/g2")

    database = Database(f"sqlite:///{tmp_path / 'catalog.db'}")
    prepare(database)
    with caplog.at_level("INFO", "prefect.flow_runs"):
        sorting()
    database.engine.dispose()
    assert "Run 1 of lineage 2026-03-01/g2 in logs/throng.jsonl." in caplog.messages


def test_in_a_flow_only_storage_faults_are_tried_again(
    prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import flow

    monkeypatch.setattr("tasks.step.BACKOFF_SECONDS", 0)
    patient, hopeless = Sorting(faults=2), Sorting()

    @flow
    def sorting() -> int:
        return patient.store()

    @flow
    def failing() -> None:
        hopeless.refuse()

    assert sorting() == 3
    with pytest.raises(RejectedInput):
        failing()


def test_in_a_flow_no_value_reaches_prefects_stores(prefect_stores: list[Path]) -> None:
    from prefect import flow

    @flow
    def stumbling() -> None:
        Sorting().look(CANARY)
        Sorting().stumble(CANARY)

    with pytest.raises(StepFailed):
        stumbling()
    files = [file for folder in prefect_stores for file in folder.rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in files)
    assert [file.name for file in files if CANARY.encode() in file.read_bytes()] == []
