"""The documents' links and paths lead somewhere; their tables are those of the code."""

import re
from pathlib import Path

import pytest

from flows.cli.app import ORDER
from tasks.deliverable.manifest import MANIFEST, SIGNATURE
from tasks.deliverable.renderers.registry import chosen, grant_formats
from tasks.products import registry
from tasks.settings import Settings
from tasks.store.ledger import RELEASE_TRANSITIONS
from tests.benchmarks.product_examples import EXAMPLES
from tests.benchmarks.product_pages import MARKS
from tests.unit.deliverable.factories import manifest, product_columns, rendered, stored

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "infra" / "README.md"]


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if name.startswith("http"):
            continue
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_of_the_project_exists(page: Path) -> None:
    named = re.findall(r"`((?:tests|tasks|docs|infra|flows)/[\w./-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_each_command_has_its_row() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    assert [name for name in ORDER if f"`throng {name}" not in page] == []


def test_each_setting_has_its_row() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    assert [name for name in Settings.model_fields if f"`THRONG_{name.upper()}`" not in page] == []


def test_the_diagram_of_a_release_is_the_table_of_transitions() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    shown = set(re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE))
    assert shown == {(state.value, after.value) for state, follows in RELEASE_TRANSITIONS.items() for after in follows}


def test_each_file_column_and_field_of_a_delivery_has_its_row() -> None:
    page = (ROOT / "docs" / "reference" / "delivery.md").read_text()
    delivery = rendered()
    stated = manifest(delivery)
    columns = {name for table in delivery.tables for name in stored(delivery, table).column_names}
    files = (each.file.format(table="TABLE", product="PRODUCT") for each in chosen(grant_formats()))
    documents = {re.sub(r"^sql/\w+", "sql/DIALECT", name) for name in files}
    keys = {name for name in product_columns() if not name.endswith(("_low", "_high"))}
    keys = {name for name in keys if not name.startswith(("origin_", "destination_"))}
    names = {*documents - {"PRODUCT.parquet"}, MANIFEST, SIGNATURE, *stated, *columns, *keys}
    assert [name for name in sorted(names) if f"`{name}`" not in page and f"`{name}[]`" not in page] == []


@pytest.mark.parametrize("product", registry.for_clients())
def test_every_product_page_has_a_picture_and_an_example_of_delivered_rows(product: str) -> None:
    page = (ROOT / "docs" / "products" / f"{product}.md").read_text()
    before, example, after = MARKS.split(page)
    assert product in EXAMPLES
    assert "people_low" in example
    assert "](../images/" in before
    assert "## What it must not be used for" in after
