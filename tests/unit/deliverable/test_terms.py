"""The terms: what the publisher states, and nothing else; one file for all periods until a term changes."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest
import yaml

from tasks.deliverable.renderers.contract import violations
from tasks.deliverable.statements import NOT_STATED, PUBLISHER_TITLES, left_out
from tasks.deliverable.terms import terms
from tasks.deliverable.view import GrantView
from tasks.policy import Publisher
from tasks.policy_file import load
from tests.unit.deliverable.factories import PUBLISHER, document, grant_view, manifest, release_view, rendered, text

STATED = replace(grant_view(), publisher=PUBLISHER)
SILENT = rendered()
TOLD = rendered(grant=STATED)


def test_what_the_publisher_does_not_state_is_said_to_be_not_stated() -> None:
    content = text(SILENT, "TERMS.md")
    assert all(f"| {title} | {NOT_STATED} |" in content for title in PUBLISHER_TITLES.values())
    assert manifest(SILENT)["publisher"] == dict.fromkeys(PUBLISHER_TITLES)
    contract = yaml.safe_load(text(SILENT, "contract.yaml"))
    assert not {"team", "support"} & set(contract)
    assert "customProperties" not in contract["description"]


def test_what_the_publisher_states_is_in_terms_manifest_and_contract() -> None:
    content, stated = text(TOLD, "TERMS.md"), PUBLISHER.model_dump()
    assert all(f"| {title} | {stated[name]} |" in content for name, title in PUBLISHER_TITLES.items())
    assert manifest(TOLD)["publisher"] == stated
    contract = yaml.safe_load(text(TOLD, "contract.yaml"))
    assert violations(contract) == []
    assert contract["team"]["name"] == PUBLISHER.name
    assert contract["support"] == [{"channel": PUBLISHER.support, "description": PUBLISHER.support_hours}]
    kept = {each["property"]: each["value"] for each in contract["description"]["customProperties"]}
    assert kept == {
        "licence": PUBLISHER.licence,
        "serviceLevel": PUBLISHER.sla,
        "retention": PUBLISHER.retention,
        "recall": PUBLISHER.recall,
        "onwardSharing": PUBLISHER.onward_sharing,
        "dataProtection": PUBLISHER.data_protection,
    }


def test_the_manifest_names_the_terms_by_their_digest() -> None:
    named = manifest(TOLD)["terms"]
    assert named["sha256"] == hashlib.sha256(document(TOLD, "TERMS.md")).hexdigest()
    assert named in [{key: file[key] for key in ("path", "sha256")} for file in manifest(TOLD)["files"]]


@pytest.mark.parametrize("day", [date(2026, 3, 3), date(2026, 3, 29), date(2026, 10, 25)])
def test_terms_are_equal_for_all_periods(day: date) -> None:
    assert terms(release_view(day, revision=2, warnings=("Late.",)), STATED) == document(TOLD, "TERMS.md")


@pytest.mark.parametrize(
    "grant",
    [
        replace(STATED, deliver_by="10:00"),
        replace(STATED, contact="other@nordmarkt.example"),
        replace(STATED, client="other"),
        replace(STATED, publisher=PUBLISHER.model_copy(update={"recall": None})),
    ],
)
def test_each_term_changes_the_terms(grant: GrantView) -> None:
    assert terms(release_view(), grant) != document(TOLD, "TERMS.md")


def test_a_statement_cannot_be_more_than_text() -> None:
    content = text(rendered(grant=replace(STATED, publisher=Publisher(name="A | [b](c) *d* `e`"))), "TERMS.md")
    assert r"| Publisher | A \| \[b\](c) \*d\* \`e\` |" in content


def test_who_is_left_out_is_what_the_policy_says() -> None:
    who = load().policy.who
    older = left_out(who.model_copy(update={"minimum_age": 20, "home_mcc": 208, "purpose": "planning"}))
    sentences = {each.code: each.meaning for each in older}
    assert list(sentences) == ["other_networks", "no_opt_in", "age", "segment", "foreign"]
    assert "20 years or less" in sentences["age"]
    assert "208" in sentences["foreign"]
    assert "'planning'" in sentences["no_opt_in"]
    assert manifest(SILENT)["population"]["left_out"] == [vars(each) for each in left_out(who)]
    for name in ("TERMS.md", "README.md"):
        assert all(each.meaning in text(SILENT, name) for each in left_out(who))


def test_what_the_cap_means_is_said_in_manifest_terms_and_read_me() -> None:
    privacy = replace(release_view().privacy, month_cap_guesses=63)
    delivery = rendered(replace(release_view(), privacy=privacy))
    assert manifest(delivery)["privacy"]["month_cap_guesses"] == 63
    for name in ("TERMS.md", "README.md"):
        assert "63 of 100" in text(delivery, name)
        assert "63 of 100" not in text(SILENT, name)


def test_months_add_up_is_said_in_manifest_terms_contract_and_read_me() -> None:
    said = manifest(SILENT)["privacy"]["composition"]
    assert "Months add up" in said
    assert said in text(SILENT, "README.md")
    assert said in text(SILENT, "TERMS.md")
    assert said in yaml.safe_load(text(SILENT, "contract.yaml"))["description"]["limitations"]
