"""deliver(client, product, period): release -> that client's bucket, verified there, and the client's index."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from tasks.client_index import write_index, written_index
from tasks.client_state import client_spec
from tasks.deliverable.delta import DELTA
from tasks.deliverable.files import Rendered, earlier_delivery, inputs_digest, render
from tasks.deliverable.gate import check_delivery
from tasks.deliverable.notices import Notice
from tasks.deliverable.view import DeliveryView, GrantView, ReleaseView, ZonesView
from tasks.delivery_objects import complete, is_begun, verify_there
from tasks.delta_tables import check_delta_tables
from tasks.errors import RefusedDelivery, ThrongError
from tasks.estimate.people import PeopleEstimator
from tasks.estimate.spec import Estimator, PublicFacts, is_whole, with_people
from tasks.estimation import NOT_POSSIBLE, estimation
from tasks.key_ring import key_ring, write_keys
from tasks.period import Period
from tasks.products.registry import check_for_clients, check_made, of_period
from tasks.products.spec import Product
from tasks.refs import DeliveryRef, IndexRef, Outcome
from tasks.release import latest_drawn, utc_now
from tasks.release_metadata import release_view, zones_view
from tasks.step import step
from tasks.store import ReleasedStores
from tasks.store.audit import AuditEntry
from tasks.store.buckets import Bucket
from tasks.store.client_spec import ClientSpec, Grant
from tasks.store.event_log import bind_lineage, release_lineage
from tasks.store.lake import DeliveryKey
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Delivery, DeliveryState, Release, ReleaseState
from tasks.validation import Validator, validate

ESTIMATOR = PeopleEstimator()


class Deliver:
    """Delivers stored releases; a delivery's bytes are rendered once and then only sent, compared and sent again."""

    def __init__(
        self,
        stores: ReleasedStores,
        now: Callable[[], datetime] = utc_now,
        estimator: Estimator = ESTIMATOR,
        validator: Validator = validate,
        notify: Callable[[ClientSpec, Notice], None] = lambda spec, notice: None,
    ) -> None:
        self._stores = stores
        self._now = now
        self._validator = validator
        self._estimator = estimator
        self._notify = notify

    def __call__(self, client: str, product: str, period: str) -> DeliveryRef:
        """Deliver a published period, or find that the client's bucket holds it."""
        of = Period.parse(period)
        made = of_period(product, of)
        check_for_clients(made)
        client_spec(self._stores, client)
        with (
            self._stores.locks.hold(f"client-{client}"),
            self._stores.catalog.run("deliver", f"{client} {made.name} {of}") as run,
        ):
            spec = client_spec(self._stores, client)  # it may have been disabled while we waited
            try:
                key = self.render(spec, made, of)
                self.check_bucket(spec, key)
                for earlier in self.interrupted(spec, key):
                    self.send(spec, earlier)
                ref = self.send(spec, key)
            except ThrongError:
                with suppress(ThrongError):  # the first fault says more than the index's
                    self.index(spec)
                raise
            self.index(spec)
            run.outcome = ref.outcome
            return ref

    def refresh(self, client: str) -> IndexRef:
        """Write the client's index anew without a delivery: what is expected and late by now."""
        client_spec(self._stores, client)
        with self._stores.locks.hold(f"client-{client}"), self._stores.catalog.run("index", client) as run:
            spec = client_spec(self._stores, client)
            self.index(spec)
            run.outcome = Outcome.INDEXED
            return IndexRef(client, Outcome.INDEXED)

    @step("check that no other installation delivers here")
    def check_bucket(self, spec: ClientSpec, key: DeliveryKey) -> None:
        """Raise RefusedDelivery before anything is written if another ledger's deliveries are in the bucket.

        Also if its Delta tables were changed. A restored database that renders the same bytes again is the same ledger.
        """
        bucket = self._stores.buckets.open(spec.destination)
        written_index(self._stores.catalog, spec.name, bucket)
        check_delta_tables(self._stores, spec, bucket, key)

    @step("render the files, unless they are stored")
    def render(self, spec: ClientSpec, product: Product, period: Period) -> DeliveryKey:
        """Render and store a new revision, unless the inputs of the stored delivery are unchanged."""
        grant, release = self._grant(spec, product, period), self._release(product, period)
        bind_lineage(release_lineage(release.period, release.generations))
        plan = zones_view(self._stores, release)
        files = tuple(each for each in grant.formats if each != DELTA)  # a log beside them changes no delivery
        publisher = self._stores.policy.policy.publisher
        granted = GrantView(spec.name, spec.client.contact, grant.zones, files, grant.deliver_by, publisher)
        view = release_view(self._stores, product, period, release, plan)
        estimate = estimation(self._stores, self._estimator.name, release, view, plan)
        view = replace(view, estimate=estimate.view, estimate_missing=estimate.missing)
        digest = inputs_digest(view, plan, granted)
        before = self._stores.catalog.delivery(spec.name, product.name, product.version, str(period))
        if before and before.inputs_digest == digest:
            return DeliveryKey.of(before)
        key = DeliveryKey(spec.name, product.name, product.version, str(period), before.revision + 1 if before else 1)
        zones = {
            version: known
            for version, known in self._stores.lake.delivered_zones(key).items()
            if version != plan.version
        }
        delivery = DeliveryView(key.revision, earlier_delivery(self._files(before)) if before else None, zones)
        rendered = self._rendered(release, view, estimate.facts, plan, granted, delivery)
        self._keep(key, rendered, release, digest)
        return key

    def _rendered(
        self,
        release: Release,
        view: ReleaseView,
        facts: PublicFacts | None,
        plan: ZonesView,
        grant: GrantView,
        delivery: DeliveryView,
    ) -> Rendered:
        table = self._stores.lake.release(ReleaseKey.of(release), release.sha256 or "").table
        if facts and view.estimate:
            found = self._estimator(table, facts)
            told = replace(
                view.estimate,
                largest_error=found.largest_error.value,
                weak_zones=found.weak_zones,
                effective_size=round(found.effective_size),
            )
            estimated = with_people(table, self._estimator.name, found.columns)
            if is_whole(estimated, facts.levels):
                table, view = estimated, replace(view, estimate=told)
            else:  # the panel's numbers must not wait for an estimate
                view = replace(view, estimate=None, estimate_missing=NOT_POSSIBLE)
        rendered = render(view, table, plan, grant, delivery, key_ring(self._stores.signing_keys, self._now()).private)
        check_delivery(view, rendered.places, rendered.tables, self._validator)
        return rendered

    def _keep(self, key: DeliveryKey, rendered: Rendered, release: Release, digest: str) -> None:
        manifest = self._stores.lake.write_delivery(key, rendered.files)
        delivery = Delivery(
            **vars(key),
            release_revision=release.revision,
            inputs_digest=digest,
            state=DeliveryState.RENDERED,
            manifest_sha256=manifest,
            path=rendered.path.folder,
            rows=rendered.rows,
            withheld=rendered.withheld,
            bytes=sum(map(len, rendered.files.values())),
            reason=rendered.changes.reasons[0],
        )
        entry = AuditEntry.by_user(
            "delivery rendered", str(key), manifest, manifest_sha256=manifest, path=rendered.path.folder
        )
        self._stores.catalog.record_rendered(delivery, entry)

    @step("find earlier deliveries that were interrupted")
    def interrupted(self, spec: ClientSpec, key: DeliveryKey) -> list[DeliveryKey]:
        """Earlier deliveries of the period that are incomplete in the bucket.

        They must be completed: nothing is removed from a client's bucket, and the prefix would not verify.
        """
        unsent = [
            delivery
            for delivery in self._stores.catalog.deliveries(spec.name)
            if replace(DeliveryKey.of(delivery), revision=key.revision) == key
            and delivery.revision < key.revision
            and delivery.state is not DeliveryState.DELIVERED
        ]
        if not unsent:
            return []
        bucket = self._stores.buckets.open(spec.destination)
        return [DeliveryKey.of(delivery) for delivery in unsent if is_begun(bucket, delivery, self._files(delivery))]

    def _files(self, delivery: Delivery) -> dict[str, bytes]:
        return self._stores.lake.delivery(DeliveryKey.of(delivery), delivery.manifest_sha256)

    def _grant(self, spec: ClientSpec, product: Product, period: Period) -> Grant:
        if grant := spec.grant(product.name, period):
            return grant
        raise RefusedDelivery(
            f"{spec.name} has no grant for {product.name} on {period}.",
            "Add one to the client's file and run `throng client apply`.",
            "grant.missing",
        )

    def _release(self, product: Product, period: Period) -> Release:
        release = latest_drawn(self._stores, product, period)
        if release is None:
            check_made(product, self._stores.policy.policy.budget.leave_out)
            raise RefusedDelivery(
                f"{product.name} {period} is not published.",
                f"Run `throng publish {product.name} {period}` first.",
                "delivery.not_published",
            )
        if release.state is ReleaseState.RECALLED:
            raise RefusedDelivery(
                f"{product.name} {period} was recalled.", "Deliver its next revision.", "delivery.recalled"
            )
        return release

    @step("write what the client's bucket lacks, and verify it there")
    def send(self, spec: ClientSpec, key: DeliveryKey) -> DeliveryRef:
        """Write what the bucket lacks, manifest last; compare the rest; verify there as the client would."""
        deliveries = self._stores.catalog.deliveries(key.client)
        delivery = next((delivery for delivery in deliveries if DeliveryKey.of(delivery) == key), None)
        if delivery is None:
            raise RefusedDelivery(f"{key} was never rendered.", "Run the command again.", "delivery.not_rendered")
        files = self._files(delivery)
        try:
            bucket = self._stores.buckets.open(spec.destination)
            ring = key_ring(self._stores.signing_keys, self._now())
            write_keys(bucket, ring)
            written = complete(bucket, delivery, files)
            verify_there(bucket, delivery, files, ring)
        except RefusedDelivery as refusal:
            self._stores.catalog.mark_refused(key, str(refusal), AuditEntry.by_user("delivery refused", str(key)))
            raise
        if written or delivery.state is not DeliveryState.DELIVERED:
            where, digest = f"{bucket.location}/{delivery.path}", delivery.manifest_sha256
            entry = AuditEntry.by_user("delivered", str(key), where, manifest_sha256=digest, location=where)
            self._stores.catalog.mark_delivered(key, self._now(), entry)
        return _reference(delivery, bucket, Outcome.DELIVERED if written else Outcome.ALREADY_DELIVERED)

    @step("say in the client's Delta tables and index what is there and what is late")
    def index(self, spec: ClientSpec) -> None:
        """Rebuild the client's index from the catalog, under the client's lock; first the Delta tables."""
        if changed := write_index(self._stores, spec, self._now()):
            self._notify(spec, changed)


def _reference(delivery: Delivery, bucket: Bucket, outcome: Outcome) -> DeliveryRef:
    return DeliveryRef(
        client=delivery.client,
        product=delivery.product,
        period=delivery.period,
        release_revision=delivery.release_revision,
        delivery_revision=delivery.revision,
        outcome=outcome,
        location=f"{bucket.location}/{delivery.path}",
        manifest_sha256=delivery.manifest_sha256,
        rows=delivery.rows,
        withheld=delivery.withheld,
    )
