"""A run's artifacts: cards about a day, a release, a delivery or a fault, on the page of the flow run."""

import re
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows import artifact_markdown, plan_view
from tasks.errors import ThrongError
from tasks.step import log_to_run

if TYPE_CHECKING:
    from flows.reconcile import Report
    from tasks.plan import Plan


def of_day(day: date) -> None:
    """The row account and the gate of the day's latest ingest, if there is one."""
    from tasks.store import open_catalog

    catalog = open_catalog().catalog
    generations = catalog.generations(day)
    if not generations:
        return
    latest = generations[-1]
    account = catalog.account(day, latest.generation)
    text = artifact_markdown.day_card(latest, catalog.gate(day, latest.generation), account)
    _markdown(text, _key("day", day), "How the day went, and what to do.")
    rows = artifact_markdown.account_rows(account)
    _table(rows, _key("row-account", day), "What became of each file's rows.")


def of_release(product: str, period: str) -> None:
    """What the latest release of the period says of its errors and its cost, if there is one."""
    from tasks.period import Period
    from tasks.privacy.accounting import epsilon, rho_of
    from tasks.products.registry import of_period
    from tasks.release import latest_drawn
    from tasks.store import open_releases
    from tasks.store.ledger import ReleaseKey

    stores, of = open_releases(), Period.parse(period)
    release = latest_drawn(stores, of_period(product, of), of)
    if release is None:
        return
    stored = stores.lake.release(ReleaseKey.of(release), release.sha256 or "")
    month = next(row for row in stores.ledger.months() if row.month == of.months[0])
    rho, delta = float(Fraction(release.rho)), stores.policy.policy.budget.delta
    costs = {"rho": rho, "epsilon": epsilon(rho, delta), "delta": delta}
    budget = {"cap": rho_of(month.cap), "spent": rho_of(month.spent)}
    rules = stored.rules  # never today's policy's
    levels = of_period(product, of).by_levels({rule.name for rule in rules}).released
    counted = {level.name: level.quantity.name for level in levels}
    text = artifact_markdown.release_card(release, rules, costs | budget, stored.table, counted)
    _markdown(text, _key("release", product, period), "What it shows, stated error and cost.")


def of_delivery(client: str, product: str, period: str) -> None:
    """Where the latest delivery of the period is, and how to verify it, if there is one."""
    from tasks.client_state import client_spec
    from tasks.products.registry import find
    from tasks.store import open_released
    from tasks.store.lake import DeliveryKey

    stores, version = open_released(), find(product)[0].version
    delivery = stores.catalog.delivery(client, product, version, period)
    if delivery is None:
        return
    key = DeliveryKey(client, product, version, period, delivery.revision)
    files = {name: len(content) for name, content in stores.lake.delivery(key, delivery.manifest_sha256).items()}
    to = client_spec(stores, client).destination
    text = artifact_markdown.delivery_card(delivery, f"s3://{to.bucket}/{to.prefix}/{delivery.path}", files)
    _markdown(text, _key("delivery", client, product, period), "Where, and how to verify.")


def of_fault(error: ThrongError) -> None:
    """Why the run did not do its work, and what to do."""
    _markdown(artifact_markdown.fault_card(error), "what-to-do", "Why, and what to do.")


def of_plan(plan: "Plan") -> None:
    """What a run over many periods is about to do, and what it will take: a table to search in."""
    _table(plan_view.records(plan), "plan", plan_view.total(plan))


def of_report(report: "Report", said: str) -> None:
    """The state of every period after a run over several, with links to its runs, and what to do."""
    _markdown(artifact_markdown.report_card(report, said), "grid", "The state of every period, and what to do.")


def _markdown(text: str, key: str, description: str) -> None:
    """`_sync`: within an async flow it would return a coroutine that nobody awaits, and the card would be lost."""
    create_markdown_artifact(text, key=key, description=description, _sync=True)  # type: ignore[call-arg]
    log_to_run(f"{description} On this run's page, tab Artifacts.")


def _table(rows: list[dict[str, Any]], key: str, description: str) -> None:
    create_table_artifact(rows, key=key, description=description, _sync=True)  # type: ignore[call-arg]


def _key(*parts: object) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(map(str, parts)).lower()).strip("-")
