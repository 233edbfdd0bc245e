"""The command line, where weeks and months of which one day is in the lake are published."""

from flows.cli import main
from tasks.products import statuses

if __name__ == "__main__":
    statuses.MOST_MISSING = 1.0
    main()
