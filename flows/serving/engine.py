"""`python -m flows.serving.engine`: run the flow run that the environment names, as Prefect's own command does."""

import sys
from runpy import run_module

from flows.fast_exit import fast_exit


def main() -> None:
    """Run Prefect's engine; it ends by SystemExit, by a signal, or by returning when the run completed."""
    with fast_exit():
        run_module("prefect.engine", run_name="__main__", alter_sys=True)
        sys.exit(0)


if __name__ == "__main__":
    main()
