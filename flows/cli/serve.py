"""`throng serve`: Prefect's pages, the schedule and the workers, until it is stopped."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command

if TYPE_CHECKING:
    from tasks.settings import Settings

CLOCK = "%H:%M:%S"


@command(app, "throng serve --port 4200")
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of Prefect's pages and API.")] = 4200,
    host: Annotated[str, typer.Option(help="Where to listen; others than loopback need a password.")] = "127.0.0.1",
    with_services: Annotated[
        bool, typer.Option("--with-services", help="PostgreSQL and S3 too, on this machine: the production shape.")
    ] = False,
) -> CommandOutput:
    """Run the schedule: Prefect's server, its workers, `daily` every hour; Ctrl-C stops all."""
    import logging
    import os
    from contextlib import AbstractContextManager, nullcontext, suppress

    from flows.alerting.dispatcher import running_dispatcher
    from flows.serving.lockfile import serve_lock
    from flows.serving.managed_process import ManagedProcess
    from flows.serving.server_config import ServerConfig
    from flows.serving.services import services
    from flows.serving.supervisor import Supervisor
    from tasks.settings import load

    os.umask(0o077)  # of all that it and its children write: runs' names, logs and addresses are this user's alone
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt=CLOCK)  # alerts
    nothing: AbstractContextManager[list[ManagedProcess]] = nullcontext([])
    place = ServerConfig(load().home.absolute(), host, port)
    with serve_lock(place.home):
        place.check()
        with (
            suppress(KeyboardInterrupt),
            services(place, _say) if with_services else nothing as beside,
            running_dispatcher(_checked()) as (dispatcher, address),
        ):
            Supervisor(place, dispatcher.enqueue, address, _say, beside).run()
    return CommandOutput({"stopped": True}, ["Stopped. The same command goes on from here."])


def _checked() -> "Settings":
    """The settings, if a run could begin with them: every hour a page that says the same would help nobody."""
    from tasks.policy_file import load as policy
    from tasks.settings import load

    settings = load()
    policy(settings.policy)
    settings.landing_root  # noqa: B018 - raises if it is not set
    return settings


def _say(line: str) -> None:
    from datetime import datetime

    typer.echo(f"{datetime.now():{CLOCK}} {line}", err=True)
