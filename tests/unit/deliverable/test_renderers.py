"""A new file of a delivery is one renderer, and nothing else changes."""

from tasks.deliverable.renderers.registry import chosen, grant_formats, media_type, registered
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.signature import public_key
from tasks.deliverable.verify import verify
from tasks.store.client_file import parse_client
from tests.factories import client_toml
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY, grant_view, manifest, rendered, text


def total(content: RenderInput) -> bytes:
    return f"{content.rows} rows for {content.grant.client}\n".encode()


TOTAL = Renderer("total", "total.txt", "text/plain", "the number of rows", total, on_request=True)
CLIENT = client_toml(formats='["parquet", "total"]')


def test_a_toy_renderer_is_granted_rendered_listed_explained_and_verified() -> None:
    with registered(TOTAL):
        spec = parse_client(CLIENT, "client.toml", ["footfall"], grant_formats())
        delivery = rendered(grant=grant_view(formats=spec.grants[0].formats))
    assert text(delivery, "total.txt") == "384 rows for nordmarkt\n"
    (listed,) = (file for file in manifest(delivery)["files"] if file["path"].endswith("/total.txt"))
    assert (listed["bytes"], listed["rows"]) == (23, None)
    assert "`total.txt`: the number of rows." in text(delivery)
    sizes = {name: len(content) for name, content in delivery.files.items()}
    verify(sizes, delivery.files.__getitem__, public_key(SIGNING_KEY))


def test_a_format_that_no_renderer_makes_is_refused() -> None:
    with refused("client.invalid"):
        parse_client(CLIENT, "client.toml", ["footfall"], grant_formats())


def test_clients_get_what_nobody_asks_for_and_what_they_ask_for() -> None:
    assert grant_formats() == ("parquet", "csv", "csv_de", "xlsx", "delta")
    everybody = {"parquet", "zones.parquet", "zones.geojson", "successors.csv", "readme", "terms", "contract", "verify"}
    assert {each.name for each in chosen(())} >= everybody
    assert {each.name for each in chosen(("csv",))} - {each.name for each in chosen(())} == {"csv"}


def test_each_file_has_its_media_type() -> None:
    assert media_type("docs/zones.geojson") == "application/geo+json"
    assert media_type("manifest.json") == "application/json"
    assert media_type("manifest.sig") == "application/octet-stream"
