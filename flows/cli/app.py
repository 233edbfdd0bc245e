"""The command line's groups; the modules beside this one add their commands to them."""

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

ORDER = (
    *("demo", "init", "simulate", "inspect", "coverage", "doctor", "migrate", "client", "keys"),
    *("ingest", "publish", "deliver", "verify", "daily", "backfill", "expire", "serve", "s3"),
    *("status", "runs", "releases", "deliveries", "budget", "quote"),
)
"""A row's way, and how one learns of it."""


class _InOrder(TyperGroup):
    """Lists commands in the order in which one needs them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return sorted(self.commands, key=ORDER.index)


class PlainUsage(TyperCommand):
    """Writes as manuals do what must be given: its name, without braces and Python's types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line's words."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def get_help(self, ctx: Any) -> str:
        """The whole text."""
        return re.sub(r" <[\w\[\]]+>", lambda found: " " * len(found[0]), super().get_help(ctx))


app = typer.Typer(
    name="throng",
    cls=_InOrder,
    help="See the crowd, never the person: statistics of mobile network events, consented and differentially private.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone would take longer to import than everything else
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"throng {version('throng-insights')}")
        raise typer.Exit


@app.callback()
def _throng(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


client = typer.Typer(help="Clients as code: who gets what, and where to.", no_args_is_help=True)
app.add_typer(client, name="client")

keys = typer.Typer(help="Keys that sign deliveries.", no_args_is_help=True)
app.add_typer(keys, name="keys")
