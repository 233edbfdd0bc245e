"""A run's cards say in plain words what happened, and nothing from outside becomes markup."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flows import artifact_markdown
from tasks.errors import RejectedInput
from tasks.privacy.bounds import LevelRule
from tasks.store.tables import (
    DayGeneration,
    DayState,
    Delivery,
    DeliveryState,
    GateLine,
    Release,
    ReleaseState,
    RowCount,
)
from tests.unit.flows.test_release_preview import figures

DAY = date(2026, 3, 1)
FIGURES = figures({("Z1", 8): 120.0})


def _day(**changes: Any) -> DayGeneration:
    facts: dict[str, Any] = {
        "state": DayState.CURRENT,
        "landing_digest": "",
        "zone_plan": "",
        "cell_plan": "",
        "policy_digest": "",
    }
    return DayGeneration(**{"day": DAY, "generation": 1, "rows_in": 200, "rows_kept": 150, **facts, **changes})


def _line(**changes: Any) -> GateLine:
    facts: dict[str, Any] = {
        "severity": "critical",
        "status": "failed",
        "message": "0.2 < 0.5",
        "action": "Send the rest.",
    }
    return GateLine(**{"day": DAY, "generation": 1, "rule": "rows_low", **facts, **changes})


def test_every_reason_of_the_account_has_a_meaning() -> None:
    from tasks.events.reasons import Reason

    assert {reason.value for reason in Reason} | {"kept", "outside_zones"} == set(artifact_markdown.REASONS)
    rows = artifact_markdown.account_rows([RowCount(day=DAY, generation=1, file="a.csv", reason="no_consent", rows=3)])
    assert rows == [{"reason": "no_consent", "rows": 3, "file": "a.csv"}]
    (walked,) = artifact_markdown.account_rows([RowCount(day=DAY, generation=1, file="*", reason="duplicate", rows=3)])
    assert walked["file"] == "all files together"


def test_the_days_card_says_what_to_do_before_everything_else() -> None:
    account = [RowCount(day=DAY, generation=1, file=name, reason="no_consent", rows=25) for name in ("a.csv", "b.csv")]
    card = artifact_markdown.day_card(_day(), [_line(), _line(rule="rows_high", status="passed", action="")], account)
    assert "200 rows were read, 150 of them kept (75.00%)" in card
    assert "- **50 no_consent**: no consent that stands" in card
    assert "- **rows_low** (critical): **failed**. 0.2 &lt; 0.5" in card
    assert card.index("- **rows_low** (critical): Send the rest.") < card.index("Rows by reason") < card.index("Gate")
    assert "What to do" not in artifact_markdown.day_card(_day(), [], [])
    assert "in the lake" not in card
    assert "Nothing of this ingest is in the lake." in artifact_markdown.day_card(_day(state=DayState.REJECTED), [], [])


def test_a_day_without_rows_has_a_card_too() -> None:
    assert "0 rows were read, 0 of them kept." in artifact_markdown.day_card(_day(rows_in=0, rows_kept=0), [], [])


def test_names_of_landing_files_do_not_become_markup() -> None:
    hostile = "a|b](http://evil) <img src=x>\n# head"
    said = artifact_markdown.fault_card(RejectedInput(f"File {hostile} is cut.", "Send it again."))
    assert "\n# head" not in said
    assert "<img" not in said
    assert "a\\|b" in said


def test_the_releases_card_states_errors_and_cost() -> None:
    release = Release(
        product="footfall", version=3, period="2026-03-01", revision=1, state=ReleaseState.PUBLISHED, draws=2,
        rho="3/256", slot=datetime(2026, 3, 2, tzinfo=UTC), policy_digest="", zone_plan="", generations={}, digests={},
    )  # fmt: skip
    costs = {"rho": 0.0147, "epsilon": 1.11, "delta": 1e-9, "cap": 1.0, "spent": 0.02}
    counted = {"zone_hour": "persons", "district_demographic": "visits"}
    rules = [LevelRule("zone_hour", Decimal(32), 24, 96)]
    card = artifact_markdown.release_card(release, rules, costs, FIGURES, counted)
    assert "| zone_hour | persons | 7.2% | 2.2% | 0.2% | 96 |" in card
    assert "cost rho 0.0147 (epsilon 1.11 at delta 1e-09). Its month's cap is 1, of which 0.0200 is spent" in card
    assert "Drawn 2 times" in card
    rules = [LevelRule("district_demographic", Decimal(10), 1, None)]
    ours = artifact_markdown.release_card(release, rules, costs, FIGURES, counted)
    assert "| district_demographic | visits | 2.2% | 0.7% | 0.1% | nothing |" in ours
    derived = artifact_markdown.release_card(release, [], costs, FIGURES, counted)
    assert "computed from published releases alone" in derived
    assert "How wrong" not in derived


def test_the_deliverys_card_says_where_and_how_to_verify() -> None:
    delivery = Delivery(
        client="nordmarkt", product="footfall", version=3, period="2026-03-01", revision=1, release_revision=1,
        inputs_digest="", state=DeliveryState.DELIVERED, manifest_sha256="", path="", rows=1200, withheld=30,
    )  # fmt: skip
    card = artifact_markdown.delivery_card(delivery, "s3://bucket/throng/footfall", {"data.parquet": 12345})
    assert "1,200 rows, 30 of them (2%) withheld" in card
    assert "| data.parquet | 12,345 |" in card
    assert "`throng verify s3://bucket/throng/footfall --public-key FILE`" in card


def test_a_long_file_name_is_shown_by_its_end() -> None:
    name = f"events/date=2026-03-01/{'north-' * 20}part-00012.csv.gz"
    (row,) = artifact_markdown.account_rows([RowCount(day=DAY, generation=1, file=name, reason="no_consent", rows=3)])
    assert len(row["file"]) == artifact_markdown.LONGEST_NAME
    assert row["file"].endswith("north-part-00012.csv.gz")
