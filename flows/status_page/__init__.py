"""The status as one static page: no script, nothing fetched; readable on a phone, in the dark, and read aloud."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from rich.filesize import decimal

from flows import status_text
from flows.plan_view import SIGNS, group_alike, not_done
from flows.status_page.grid import bands, legend
from tasks.plan.states import MEANING

if TYPE_CHECKING:
    from tasks.status import Status

NAME = "status.html"
"""In the home, unless another file is asked for."""

LATEST = 12
"""Runs that are listed; and failures."""

Address = Callable[[str | None], str | None]
"""The page of a flow run, where Prefect's address is known; else its id."""


def page(status: "Status", address: Address) -> str:
    """The whole page."""

    def link(run_id: str | None) -> str | None:
        """Only what leads somewhere."""
        found = address(run_id)
        return found if found and found.startswith(("http://", "https://")) else None

    return _template().render(
        status=status,
        words=status_text,
        headline=status_text.headline(status),
        bands=bands(status, link),
        legend=legend(status),
        meaning=MEANING,
        signs=SIGNS,
        rest=group_alike([target for target in not_done(status.plan) if not status.explains(target)]),
        failures=status.failures[:LATEST],
        runs=status.runs[:LATEST],
        address=link,
        size=lambda count: decimal(round(count)),
    )


def write(path: Path, status: "Status", address: Address) -> None:
    """Write the page for this user alone, whole or not at all."""
    from tasks.store.atomic_files import replace_file

    replace_file(path, page(status, address).encode())


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("flows.status_page"),
        autoescape=True,  # names of files and clients come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("status.html.jinja")
