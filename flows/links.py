"""Where a flow run's page is."""

import os
from collections.abc import Callable
from urllib.parse import urlsplit

FLOW_RUN = "/v2/runs/flow-run/"
"""Where a run's page begins. Prefect's older pages, without `/v2`, lose the address where they ask for a login."""


def run_page_urls() -> Callable[[str | None], str | None]:
    """Gives a flow run's page where Prefect's address is known, whether it answers or not; else its id there."""
    from flows.serving.lockfile import running_api
    from tasks.settings import load

    api = os.environ.get("PREFECT_API_URL") or running_api(load().home.absolute()) or ""
    parts = urlsplit(api.removesuffix("/").removesuffix("/api"))
    where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # without a password
    return lambda run_id: f"{where}{FLOW_RUN}{run_id}" if run_id and where else run_id
