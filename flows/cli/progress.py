"""A bar for each step of a verb, on a terminal; nothing where nobody looks."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.step import Watch, watched


@contextmanager
def shown(title: str) -> Iterator[Watch]:
    """Show the steps that run inside the block, and what the block itself reports."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        current = bars.add_task(title, total=None)

        def watch(part: str, done: int, total: int) -> None:
            bars.update(current, description=f"{title}: {part}", total=total or None, completed=done)

        with watched(watch):
            yield watch
