"""After each run over many periods: metrics file, alert events, status page."""

import os
from collections.abc import Sequence
from functools import partial

from flows.executor import tolerated
from flows.links import run_page_urls
from flows.status_page import NAME, write
from tasks.alerts import Alert, alerts
from tasks.metrics import write_metrics
from tasks.plan import Plan, daily_plan
from tasks.release import utc_now
from tasks.status import status
from tasks.store import open_planning


def refresh_monitoring(failed: Sequence[Alert] = ()) -> list[Alert]:
    """Write `metrics.prom` and the status page; emit the alerts where Prefect's server is in use.

    `failed`: alerts of the run that ends now; its days may be older than the schedule's window.
    """
    stores, now = open_planning(), utc_now()
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
        with tolerated("monitoring"):  # a full disk must not stop an alert
            act()
    return found


def _emit(found: list[Alert], plan: Plan) -> None:
    if os.environ.get("PREFECT_API_URL"):
        from flows.alerting.events import emit_alerts, group_by_cause  # Prefect: 3 CPU-s

        emit_alerts(group_by_cause(found, plan.targets))
