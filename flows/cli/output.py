"""What a command says: its answer on stdout, as text or as one JSON document; errors on stderr; an exit code."""

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from flows.cli.app import PlainUsage
from tasks.errors import INTERRUPTED

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from tasks.errors import ThrongError

Command = Callable[..., "CommandOutput"]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document in place of text.")]
_WHOLE = 1_000
"""Numbers from here on are shown without a fraction."""
OUTPUT_LOST = 40
"""The exit code where a program lacks the document that it asked for."""
LOG_COLUMNS = 100_000
"""Width where no terminal has one: a log keeps lines whole."""
Record = Mapping[str, Any]


@dataclass(frozen=True)
class CommandOutput:
    """A command's result, twice: as a document for programs, and as what people read."""

    document: Mapping[str, Any]
    say: Sequence["RenderableType"] = field(default=())
    exit_code: int = 0
    is_error: bool = False
    """Nothing was answered: the text belongs on stderr, also beside a document."""


def command(group: typer.Typer, example: str, name: str | None = None) -> Callable[[Command], Command]:
    """Add a function to a group of commands; `--json` and the exit codes come with it."""

    def register(function: Command) -> Command:
        @wraps(function)
        def run(*, json: bool, **words: Any) -> None:
            raise typer.Exit(_respond(function.__name__, lambda: function(**words), json))

        option = inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
        signature = inspect.signature(function)
        for parameter in signature.parameters.values():
            _say_what_it_is(parameter)
        run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
        run.__annotations__ = {**function.__annotations__, "json": Json}
        group.command(name, cls=PlainUsage, epilog=f"\b\nExample:\n  {example}")(run)
        return function

    return register


def _say_what_it_is(parameter: inspect.Parameter) -> None:
    """Let help call a word by its name, where a command says nothing else; a flag takes no word."""
    kind, *told = get_args(parameter.annotation) or [parameter.annotation]
    for info in told:
        if info.metavar is None and kind is not bool:
            info.metavar = parameter.name.upper()


def listing(
    title: str,
    rows: Sequence[Record],
    columns: Sequence[str] = (),
    notes: Callable[[Record], Sequence["str | Text"]] = lambda row: (),
) -> list["RenderableType"]:
    """Records as lines, all their fields or the named ones; longer values follow below as notes. Nothing of none."""
    from rich.padding import Padding
    from rich.text import Text

    if not rows:
        return []
    heads = columns or list(rows[0])
    numbers = {head for head in heads if any(isinstance(row[head], int | float) for row in rows)}
    lines = [{head: _shown(row[head]) for head in heads} for row in rows]
    widths = {head: max(len(head), *(len(line[head]) for line in lines)) for head in heads}

    def line(cells: Mapping[str, str]) -> str:
        sides = (cells[head].rjust if head in numbers else cells[head].ljust for head in heads)
        return "  ".join(side(widths[head]) for side, head in zip(sides, heads, strict=True)).rstrip()

    said: list[RenderableType] = [Text(title, "italic")] if title else []
    said.append(Text(line({head: head for head in heads}), "bold"))
    for row, cells in zip(rows, lines, strict=True):
        said.append(Text(line(cells)))
        below = [note for note in notes(row) if note]
        said += [note if isinstance(note, Text) else Padding(note, (0, 0, 0, 2), expand=False) for note in below]
    return said


def address(url: str) -> "Text":
    """An address on a line of its own, which no terminal's width breaks."""
    from rich.text import Text

    return Text(f"  {url}", no_wrap=True)


def print_part(console: "Console", part: object) -> None:
    """Print for people: a terminal's lines are as wide as it is, addresses and a log's lines are whole."""
    if console.is_terminal:
        console.print(part, soft_wrap=bool(getattr(part, "no_wrap", False)))
        return
    with console.capture() as told:
        console.print(part, soft_wrap=True)
    console.file.write("".join(f"{line.rstrip()}\n" for line in told.get().splitlines()))


def _shown(cell: object) -> str:
    """A cell as people read it: four digits of a number are enough."""
    if isinstance(cell, int) or (isinstance(cell, float) and abs(cell) >= _WHOLE):
        return f"{cell:,.0f}"
    return "" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def console_for(stderr: bool = True) -> "Console":
    """Where people read: as wide as their terminal, or as a log's lines. Progress and notes are on stderr."""
    from rich.console import Console

    on_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if on_terminal else LOG_COLUMNS
    return Console(stderr=stderr, highlight=False, markup=False, width=width)


def _respond(name: str, call: Callable[[], CommandOutput], as_json: bool) -> int:
    """Run a command and print what it answers; returns the exit code."""
    answer = _answer(name, call)
    if as_json:
        told = _written(partial(_print_document, answer.document))
    else:
        told = answer.is_error or _written(partial(_print, answer.say, stderr=False))
    with suppress(OSError):
        if answer.is_error:
            _print(answer.say)
        if not told:
            _print(["The answer could not be written to stdout: its disk is full. The work is done."])
    return answer.exit_code if told else answer.exit_code or OUTPUT_LOST


def _print(parts: "Sequence[RenderableType]", stderr: bool = True) -> None:
    console = console_for(stderr)
    for part in parts:
        print_part(console, part)


def _print_document(document: Mapping[str, Any]) -> None:
    import json

    sys.stdout.write(json.dumps(document, default=str, ensure_ascii=False) + "\n")


def _written(write: Callable[[], None]) -> bool:
    """Write the answer to stdout; whether it could be written whole."""
    try:
        write()
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter's end would try once more
        return False
    return True


def _answer(name: str, call: Callable[[], CommandOutput]) -> CommandOutput:
    from tasks.errors import ThrongError
    from tasks.step import sanitised

    try:
        return sanitised(name, call)
    except ThrongError as error:
        return _fault(error.with_traceback(None))  # frames would keep libraries' objects beyond their time
    except KeyboardInterrupt:
        text = "Stopped. Nothing is half written; the same command goes on from here."
        return CommandOutput({"error": "Stopped", "what": text, "exit_code": INTERRUPTED}, [text], INTERRUPTED, True)


def _fault(error: "ThrongError") -> CommandOutput:
    from rich.text import Text

    head = f"{type(error).__name__} {error.code}".rstrip()
    say = [Text.assemble((f"{head}: ", "bold red"), error.what), Text.assemble(("What to do: ", "bold"), error.action)]
    return CommandOutput(error.document(), say, error.exit_code, is_error=True)
