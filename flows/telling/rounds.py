"""The round after each run over many periods: a file for the monitoring, events for whoever must be told, a page."""

import os

from tasks.alerts import Alert


def look_round() -> list[Alert]:
    """Look at everything once: write `metrics.prom`, emit the alerts where there is a server, write the status page."""
    from flows.links import pages_of_runs
    from flows.page import NAME, write
    from tasks.alerts import alerts
    from tasks.metrics import write_metrics
    from tasks.plan import daily_plan
    from tasks.release import utc_now
    from tasks.status import status
    from tasks.store import open_stores

    stores, now = open_stores(), utc_now()
    plan = daily_plan(stores, now)
    found = alerts(stores, plan, now)
    write_metrics(stores, plan, found, now)
    if os.environ.get("PREFECT_API_URL"):
        from flows.telling.events import say

        say(found)
    write(stores.settings.home.absolute() / NAME, status(stores, now), pages_of_runs())
    return found
