"""`python -m flows.cli` is `throng`."""

from flows.cli import main

main()
