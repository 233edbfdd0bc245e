"""A bar for each step of a verb, on a terminal; nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from flows.cli.output import console_for, print_part
from tasks.step import ProgressCallback, report_progress


@dataclass(frozen=True)
class ProgressDisplay:
    """What may be shown while something runs: how far it is, and lines above the bar."""

    watch: ProgressCallback
    say: Callable[[object], None]


@contextmanager
def show_progress(title: str) -> Iterator[ProgressDisplay]:
    """Show the steps that run inside the block, and what the block itself reports."""
    console = console_for()

    def say(line: object) -> None:
        with suppress(OSError, SystemExit):  # nobody reads any more; rich would end the process for it
            print_part(console, line)

    if not console.is_terminal:
        yield ProgressDisplay(lambda part, done, total: None, say)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        current = bars.add_task(title, total=None)

        def watch(part: str, done: int, total: int) -> None:
            bars.update(current, description=f"{title}: {part}", total=total or None, completed=done)

        with report_progress(watch):
            yield ProgressDisplay(watch, say)
