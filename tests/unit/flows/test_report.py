"""A run over many periods in words: what failed and what to do first, each fault once, and nothing becomes markup."""

from datetime import date

from flows import artifact_markdown, plan_view
from flows.executor import SKIPPED, STOPPED, StepResult
from flows.reconcile import Report, verdict
from tasks.errors import RejectedInput
from tasks.plan.states import Mode, Plan, State, Step, Target

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 2)
FAULT = RejectedInput("[a](http://evil) <img src=x> is truncated.", "Send it again.")


def _target(period: str, client: str, state: State, why: str = "") -> Target:
    return Target("footfall", client, period, state, why, (), 0.0, None, 600, 2.0, None, False, "7d0c")


def _report() -> Report:
    """Of two days the first failed, for two clients; the second is stale."""
    ingest = Step("ingest", "2026-03-01", State.MISSING, "")
    publish = Step("publish", "2026-03-01", State.MISSING, "", "footfall")
    targets = [_target("2026-03-01", name, State.FAILED, str(FAULT)) for name in ("nordmarkt", "stadtlicht")]
    targets += [_target("2026-03-02", name, State.STALE, "1 file arrived.") for name in ("nordmarkt", "stadtlicht")]
    plan = Plan(FIRST, LAST, Mode.MISSING, (), tuple(targets), (ingest, publish))
    return Report(plan, [StepResult(ingest, "RejectedInput", 0.1, FAULT), StepResult(publish, SKIPPED)], plan)


def test_a_runs_sentence_names_the_first_step_that_failed_and_what_to_do() -> None:
    name, sentence = verdict(_report())
    assert name == "SomeFailed"
    assert sentence == f"2 of 2 steps failed or were not begun. ingest 2026-03-01: {FAULT}"


def test_a_run_that_was_stopped_says_how_many_steps_it_did() -> None:
    steps = [Step("ingest", day, State.MISSING, "") for day in ("2026-03-01", "2026-03-02")]
    plan = Plan(FIRST, LAST, Mode.MISSING, (), (), tuple(steps))
    report = Report(plan, [StepResult(steps[0], "Ingested"), StepResult(steps[1], STOPPED)], plan)
    assert verdict(report) == ("Stopped", "Stopped after 1 of 2 steps; the same command goes on from here.")


def test_a_dry_run_says_what_would_be_done_and_not_that_all_is_done() -> None:
    step = Step("ingest", "2026-03-01", State.MISSING, "")
    plan = Plan(FIRST, LAST, Mode.MISSING, (), (_target("2026-03-01", "nordmarkt", State.MISSING),), (step,))
    report = Report(plan, (), plan, dry_run=True)
    assert verdict(report) == ("Planned", plan_view.total(plan))
    card = artifact_markdown.report_card(report, ": ".join(verdict(report)))
    assert card.startswith("# Planned\n\n1 missing. To run: 1 ingest; ")


def test_a_run_that_could_do_nothing_about_a_failed_day_does_not_say_that_all_is_done() -> None:
    plan = Plan(FIRST, LAST, None, (), (_target("2026-03-01", "nordmarkt", State.FAILED, str(FAULT)),), ())
    left = "Not done: 1 failed; `throng status` says what to do."
    assert verdict(Report(plan, (), plan)) == ("NothingToDo", f"Nothing can be done before somebody acts. {left}")
    index = StepResult(Step("index", "", State.MISSING, "", client="nordmarkt"), "Indexed")
    name, sentence = verdict(Report(plan, [index], plan))
    assert (name, sentence.partition(" Not done")[1:]) == ("Reconciled", (" Not done", left.removeprefix("Not done")))


def test_a_run_says_that_all_is_done_only_of_the_days_it_looked_at() -> None:
    targets = (_target("2026-03-01", "nordmarkt", State.DONE),)
    asked, schedule = (Plan(FIRST, LAST, mode, (), targets, ()) for mode in (Mode.MISSING, None))
    done = "Nothing to do: all that can be done from 2026-03-01 to 2026-03-02 is done"
    assert verdict(Report(asked, (), asked)) == ("NothingToDo", f"{done}.")
    assert (
        verdict(Report(schedule, (), schedule))[1] == f"{done}; whether anything older is late, `throng status` says."
    )
    empty = Plan(FIRST, LAST, Mode.MISSING, (), (), ())
    assert verdict(Report(empty, (), empty))[1] == "Nothing to do: nothing is expected from 2026-03-01 to 2026-03-02."


def test_the_card_tells_faults_before_the_grid_and_only_the_rest_after_it() -> None:
    card = artifact_markdown.report_card(_report(), ": ".join(verdict(_report())))
    head, failed, stands, rest = card.split("\n\n## ")
    assert head == "# SomeFailed\n\n2 of 2 steps failed or were not begun."
    assert failed.startswith("What failed, and what to do\n\n- **ingest 2026-03-01**: ")
    assert "- Not begun, because a step before failed: publish footfall 2026-03-01." in failed
    assert "| 2026-03-01 | [✗ failed](/v2/runs/flow-run/7d0c) |" in stands
    assert rest == (
        "What else is not done\n\n- **footfall 2026-03-02** to nordmarkt, stadtlicht: stale. 1 file arrived."
    )


def test_what_the_landing_is_called_does_not_become_markup() -> None:
    card = artifact_markdown.report_card(_report(), ": ".join(verdict(_report())))
    assert "<img" not in card
    assert "\\[a\\](http://evil)" in card
    assert "[a](http://evil)" not in card


def test_the_pages_table_has_plain_headings_and_tells_rows_only_of_what_runs() -> None:
    (first, *_) = plan_view.records(_report().plan)
    assert (first["period"], first["client"], first["state"]) == ("2026-03-01", "nordmarkt", "failed")
    assert (first["rows"], first["rho"], first["from"]) == (None, "", "")


def test_a_grid_has_a_table_for_each_client() -> None:
    clients = [f"a-client-with-a-long-name-{n}" for n in range(7)]
    targets = tuple(_target(day, name, State.BLOCKED) for day in ("2026-03-01", "2026-03-02") for name in clients)
    text = plan_view.grid(Plan(FIRST, LAST, Mode.MISSING, (), targets, ()))
    tables = [table.splitlines() for table in text.split("\n\n")]
    assert [len(rows) for rows in tables] == [4] * len(clients)
    assert all(f"to {name} " in rows[0] for name, rows in zip(clients, tables, strict=True))


def test_days_come_before_the_weeks_and_months_that_end_with_them() -> None:
    periods = ("2026-02", "2026-02-28", "2026-W09", "2026-03-01", "2026-02-27")
    targets = [_target(period, "nordmarkt", State.WAITING) for period in periods]
    plan = Plan(FIRST, LAST, None, (), tuple(targets), ())
    expected = ["2026-02-27", "2026-02-28", "2026-02", "2026-03-01", "2026-W09"]
    assert [row["period"] for row in plan_view.records(plan)] == expected
    assert [target.period for target in plan_view.not_done(plan)] == expected
