"""The round after each run over many periods: a file for the monitoring, events for whoever must be told, a page."""

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tasks.alerts import Alert
from tasks.step import as_throng_error

if TYPE_CHECKING:
    from tasks.plan import Plan


def refresh_monitoring(failed: Sequence[Alert] = ()) -> list[Alert]:
    """Look at everything once: write `metrics.prom`, emit the alerts where there is a server, write the status page.

    `failed` are those of the run that ends now; a backfill's days may be older than what the schedule looks at.
    """
    from flows.links import run_page_urls
    from flows.status_page import NAME, write
    from tasks.alerts import alerts
    from tasks.metrics import write_metrics
    from tasks.plan import daily_plan
    from tasks.release import utc_now
    from tasks.status import status
    from tasks.store import open_stores

    stores, now = open_stores(), utc_now()
    plan = daily_plan(stores, now)
    found = alerts(stores, plan, now)
    known = {(alert.kind, alert.subject) for alert in found}
    found += [alert for alert in failed if (alert.kind, alert.subject) not in known]
    home = stores.settings.home.absolute()
    for act in (
        partial(_emit, found, plan),
        partial(write_metrics, stores, plan, found, now),
        lambda: write(home / NAME, status(stores, now), run_page_urls()),
    ):
        _attempt(act)
    return found


def _emit(found: list[Alert], plan: "Plan") -> None:
    if os.environ.get("PREFECT_API_URL"):
        from flows.alerting.events import emit_alerts, group_by_cause

        emit_alerts(group_by_cause(found, plan.targets))


def _attempt(act: Callable[[], object]) -> None:
    """A disk that takes no file must not keep an alert from being said."""
    try:
        act()
    except Exception as error:
        logging.getLogger(__name__).warning("%s", as_throng_error("look round", error))
