"""Targets of a plan: one product of one period for one client, from its days to the bucket."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tasks.period import Period
from tasks.plan.snapshot import CatalogSnapshot
from tasks.plan.states import State, Step, Target
from tasks.products.spec import Product
from tasks.store.client_spec import ClientSpec


@dataclass(frozen=True)
class Chain:
    """The steps between the landing and the clients of one product and period."""

    product: Product
    period: Period
    days: Sequence[Step]
    publish: Step
    deliveries: Sequence[tuple[ClientSpec, Step]]


def targets(snapshot: CatalogSnapshot, chain: Chain, due: Collection[tuple[str, str]]) -> Iterator[Target]:
    """One target per client with a grant, or one without a client; `due`: keys of the steps that run."""
    if not chain.deliveries:
        yield _target(snapshot, chain, None, chain.publish, due)
    for spec, delivery in chain.deliveries:
        yield _target(snapshot, chain, spec, delivery, due)


def _target(
    snapshot: CatalogSnapshot, chain: Chain, spec: ClientSpec | None, last: Step, due: Collection[tuple[str, str]]
) -> Target:
    run = [step for step in dict.fromkeys((*chain.days, chain.publish, last)) if step.key in due]
    run = run if last.state is not State.WAITING else []  # what waits is not filled by this plan
    grant = spec.grant(chain.product.name, chain.period) if spec else None
    expected_by = grant.expected_by(chain.period, snapshot.stores.policy.policy.time.local) if grant else None
    read = [step.rows for step in run if step.verb == "ingest" and step.rows]
    return Target(
        product=chain.product.name,
        client=spec.name if spec else None,
        period=str(chain.period),
        state=last.state,
        why=last.why,
        needs=tuple(dict.fromkeys(step.verb for step in run)),
        rho=sum(step.rho for step in run),
        revision_rho=chain.publish.revision_rho,
        rows=sum(read) if read else last.rows,
        seconds=round(sum(step.seconds or 0.0 for step in run), 1),
        expected_by=expected_by,
        late=bool(expected_by and expected_by <= snapshot.now and last.state not in (State.DONE, State.STALE)),
        flow_run_id=_page(last, chain),
    )


def _page(last: Step, chain: Chain) -> str | None:
    """The run of the last step, or of the earlier step that blocks it."""
    way = (last, chain.publish, *(day for day in chain.days if day.state is not State.DONE), *chain.days)
    return next((step.flow_run_id for step in way if step.flow_run_id), None)
