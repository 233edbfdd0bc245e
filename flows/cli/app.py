"""The command line's groups; the modules beside this one add their commands to them."""

import typer

app = typer.Typer(
    name="throng",
    help="See the crowd, never the person: footfall from mobile network events, consented and provably anonymous.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone would take longer to import than everything else
    context_settings={"help_option_names": ["-h", "--help"]},
)
client = typer.Typer(help="Clients as code: who gets what, and where to.", no_args_is_help=True)
app.add_typer(client, name="client")
