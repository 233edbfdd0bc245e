"""Facts of a release that a delivery may state, from ledger, catalog and policy."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from tasks.deliverable.level_view import DimensionView, LevelView
from tasks.deliverable.statements import left_out
from tasks.deliverable.view import Exclusion, PanelView, PrivacyView, ReleaseView, ZonesView
from tasks.events.gate_metrics import PROFILE_RULES, incomplete_hours
from tasks.interval import Z90
from tasks.mobility.zones import stored_plan
from tasks.period import Period
from tasks.policy import Eligibility
from tasks.privacy.accounting import epsilon, guesses, rho_of
from tasks.privacy.bounds import LevelRule
from tasks.privacy.derived import StoredRelease
from tasks.products.panel import PRODUCT as PANEL
from tasks.products.spec import Product, PublicContext
from tasks.release import day_profile
from tasks.store import ReleasedStores
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import DayGeneration, Release, ReleaseState


def release_view(
    stores: ReleasedStores, product: Product, period: Period, release: Release, plan: ZonesView
) -> ReleaseView:
    """Everything that a delivery states of its release."""
    stored = stores.lake.release(ReleaseKey.of(release), release.sha256 or "")
    timezone = str(stored.facts["timezone"])
    public = PublicContext(period, stored_plan(plan.geojson), ZoneInfo(timezone))
    panel = panel_view(stores, period)
    warnings, quality = _quality(stores, release)
    return ReleaseView(
        product=product.name,
        version=product.version,
        period=period,
        revision=release.revision,
        created_at=release.slot,
        timezone=timezone,
        levels=level_views(product, stored.rules, public),
        privacy=_privacy(stores, release, stored),
        panel=panel,
        panel_reason="" if panel else f"No panel of a month before {period.months[0]} is published yet.",
        warnings=warnings,
        quality=quality,
        basis=product.population.meaning,
        left_out=tuple(dict.fromkeys(_left_out(stores, release, stored))),
        inputs=tuple(sorted(stored.facts.get("inputs", ()))),
        sha256=release.sha256 or "",
    )


def level_views(product: Product, rules: tuple[LevelRule, ...], public: PublicContext) -> tuple[LevelView, ...]:
    """Each level as a client sees it, with the rule by which it was drawn; derived levels have none."""
    drawn_by = {rule.name: rule for rule in rules}
    return tuple(
        LevelView(
            name=level.name,
            meaning=level.meaning,
            dimensions=tuple(
                DimensionView(
                    each.name,
                    each.type,
                    each.meaning,
                    tuple(each.values(public)),
                    each.granted_by,
                    each.named_by,
                    each.hidden,
                    each.split,
                )
                for each in level.dimensions
            ),
            additive=level.additive,
            sigma=rule.sigma if rule else None,
            bound=rule.bound if rule else None,
            threshold=(rule and rule.threshold) or 0,
            reading=level.reading,
            quantity=level.quantity,
            distinct=level.distinct,
            share_within=level.share_within,
            missing=level.sparse.missing if level.sparse else "",
        )
        for level in product.by_levels(drawn_by).released
        for rule in [drawn_by.get(level.name)]
    )


def _with_inputs(
    stores: ReleasedStores, release: Release, stored: StoredRelease
) -> Iterator[tuple[Release, StoredRelease]]:
    """The release and, of a derived one, its inputs and theirs."""
    yield release, stored
    for name in stored.facts.get("inputs", ()):
        key = ReleaseKey.parse(name)
        if found := stores.ledger.find(**vars(key)):
            yield from _with_inputs(stores, found, stores.lake.release(key, found.sha256 or ""))


def _left_out(stores: ReleasedStores, release: Release, stored: StoredRelease) -> Iterator[Exclusion]:
    """Who is not counted, by the policies of all draws that the numbers rest on."""
    for _, each in _with_inputs(stores, release, stored):
        if not each.facts.get("inputs"):
            yield from left_out(Eligibility.model_validate(each.facts["who"]))


def _privacy(stores: ReleasedStores, release: Release, stored: StoredRelease) -> PrivacyView:
    """The loss that the release stands for, and the largest cap of its months."""
    delta, charges = stores.policy.policy.budget.delta, _with_inputs(stores, release, stored)
    rho = float(sum(Fraction(each.rho) for each, _ in charges))
    months = Period.parse(release.period).months
    cap = max(rho_of(budget.cap) for budget in stores.ledger.months() if budget.month in months)
    return PrivacyView(
        rho=rho,
        epsilon=epsilon(rho, delta),
        month_cap_rho=cap,
        month_cap_epsilon=epsilon(cap, delta),
        delta=delta,
        policy=str(stored.facts["policy"]),
        policy_digest=release.policy_digest,
        month_cap_guesses=guesses(cap),
    )


def _quality(stores: ReleasedStores, release: Release) -> tuple[tuple[str, ...], dict[str, object]]:
    """Warnings, unreadable files and hours covered, over the release's days.

    Sources: the noisy profile, and the number of whole files that are unreadable. Never exact counts of rows.
    """
    days = [
        stores.catalog.generation(date.fromisoformat(day), number)
        for day, number in sorted(release.generations.items())
    ]
    profiles = [day_profile(stores, day.day, day.profile_revision) for day in days]
    rules = stores.policy.policy.gate.rules
    warnings = [warning for day in days for warning in _warnings(stores, day, len(days) > 1)]
    return (*_days_missing(release), *warnings), {
        "files": sum(day.event_files for day in days),
        "files_unreadable": sum(day.event_files_unreadable for day in days),
        "hours": sum(len(profile.hours) for profile in profiles),
        "hours_incomplete": sum(sum(incomplete_hours(profile, rules)) for profile in profiles),
    }


def _days_missing(release: Release) -> list[str]:
    """A sentence on the days of the period that the release does without."""
    days = [str(day) for day in Period.parse(release.period).days]
    missing = [day for day in days if day not in release.generations]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return [f"{len(missing)} of {len(days)} days are missing: {', '.join(missing[:3])}{more}."] if missing else []


def _warnings(stores: ReleasedStores, day: DayGeneration, name_day: bool) -> list[str]:
    """Unreadable files of the day, and the rules of the gate that the noisy profile failed."""
    lost, files = day.event_files_unreadable, day.event_files
    left_out = [f"{lost} of {files} files of {day.day} could not be read and were left out."] if lost else []
    noisy = [line for line in stores.catalog.gate(day.day, day.generation)
             if line.rule in PROFILE_RULES and not line.exact and line.status in ("failed", "overridden")]  # fmt: skip
    return left_out + [f"{day.day}: {line.message}" if name_day else line.message for line in noisy]


def latest_panel(stores: ReleasedStores, period: Period) -> Release | None:
    """The published panel of the latest month before the period; None if there is none."""
    earlier = [
        release
        for release in stores.ledger.releases()
        if release.product == PANEL.name
        and release.state is ReleaseState.PUBLISHED
        and release.period < period.months[0]
    ]
    return max(earlier, key=lambda release: (release.period, release.revision), default=None)


def panel_view(stores: ReleasedStores, period: Period) -> PanelView | None:
    """Size of the panel before the period; None if there is none."""
    latest = latest_panel(stores, period)
    if latest is None:
        return None
    table = stores.lake.release(ReleaseKey.of(latest), latest.sha256 or "").table
    size, se = pc.sum(table["value"]).as_py(), pc.sum(pc.power(table["se"], 2)).as_py() ** 0.5
    return PanelView(latest.period, size, se, size - Z90 * se, size + Z90 * se)


def zones_view(stores: ReleasedStores, release: Release) -> ZonesView:
    """The merged zone plan that the release counted in."""
    geojson = stores.lake.plan(release.zone_plan)
    plan = stored_plan(geojson)
    districts = tuple(plan.districts[index] for index in plan.district)
    names = dict(zip(plan.districts, plan.district_names, strict=True))
    return ZonesView(release.zone_plan, plan.zone_ids, plan.names, districts, names, plan.merged, geojson)
