"""`throng s3`: a client's bucket on this machine, to try a delivery without a cloud."""

from typing import Annotated

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command


@command(app, "throng s3 example-insights --profile example")
def s3(
    bucket: Annotated[str, typer.Argument(help="The bucket's name.")],
    profile: Annotated[str, typer.Option(help="The AWS profile that may use it.")] = "example",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it answers, on this machine alone.")] = 4201,
) -> CommandOutput:
    """Serve a bucket on this machine, to try deliveries; Ctrl-C stops it, and the objects stay."""
    import shlex
    import signal
    from contextlib import suppress

    from flows.serving.server_config import ServerConfig
    from tasks.services.s3 import serve
    from tasks.settings import load

    home = load().home.absolute()
    ServerConfig(home, port=port).check()
    with suppress(KeyboardInterrupt), serve(home / "s3", {profile: bucket}, port) as server:
        for line in _instructions(bucket, profile, server.endpoint_url, shlex.quote(str(server.credentials))):
            typer.echo(line, err=True)
        signal.pause()
    return CommandOutput({"stopped": True}, [f"Stopped. The objects are in {home / 's3'}."])


def _instructions(bucket: str, profile: str, endpoint: str, credentials: str) -> list[str]:
    return [
        f"Bucket {bucket} answers at {endpoint} until Ctrl-C. In [destination] of the client's file:",
        f'  bucket = "{bucket}"',
        f'  profile = "{profile}"',
        f'  endpoint_url = "{endpoint}"',
        "In each terminal that delivers or verifies:",
        f"  export AWS_SHARED_CREDENTIALS_FILE={credentials}",
    ]
