"""contract.yaml: the Open Data Contract Standard v3 description of a product's tables."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft201909Validator  # type: ignore[import-untyped]
from open_data_contract_standard.model import (
    AuthoritativeDefinition,
    CustomProperty,
    Description,
    OpenDataContractStandard,
    Server,
    ServiceLevelAgreementProperty,
    Support,
    Team,
)

from tasks.deliverable.contract_tables import contract_table
from tasks.deliverable.people import LARGEST, lasting
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.statements import COMPOSITION, PERMITTED_USE
from tasks.deliverable.view import ReleaseView
from tasks.policy import Publisher

API_VERSION = "v3.1.0"
LIMITATIONS = (
    "Counted are opted-in subscribers, not everybody. Every number carries noise; its interval says how much. "
    "A number below its level's threshold is withheld: do not read it as zero. "
    "A phone that is silent for hours is counted nowhere. "
    "A place marked as sensitive counts in a neighbouring zone. Left out are:"
)


def contract(content: RenderInput) -> bytes:
    """The data contract of a product version, as YAML."""
    release = content.release
    document = OpenDataContractStandard(
        apiVersion=API_VERSION,
        kind="DataContract",
        id=f"throng.{release.product}.v{release.version}",
        name=release.product,
        version=f"{release.version}.0.0",
        status="active",
        servers=[_server(release)],
        description=Description(
            purpose=" ".join(f"{level.name}: {level.meaning}" for level in release.levels),
            usage=PERMITTED_USE,
            limitations=" ".join(
                (LIMITATIONS, *(each.meaning for each in release.left_out), COMPOSITION, *_people(release))
            ),
            customProperties=_published(content.grant.publisher) or None,
        ),
        team=_team(content.grant.publisher),
        support=_support(content.grant.publisher),
        schema=[contract_table(release, table) for table in release.tables],
        slaProperties=_service(content),
    )
    return document.to_yaml().encode()


def _people(release: ReleaseView) -> tuple[str, ...]:
    return (*lasting(release, release.estimate), LARGEST[release.estimate.largest_error]) if release.estimate else ()


def _published(publisher: Publisher) -> list[CustomProperty]:
    """Statements for which the standard has no place of its own."""
    stated = {
        "licence": publisher.licence,
        "serviceLevel": publisher.sla,
        "retention": publisher.retention,
        "recall": publisher.recall,
        "onwardSharing": publisher.onward_sharing,
        "dataProtection": publisher.data_protection,
    }
    return [CustomProperty(property=name, value=text) for name, text in stated.items() if text]


def _team(publisher: Publisher) -> Team | None:
    if publisher.name is None:
        return None
    links = [AuthoritativeDefinition(url=publisher.url, type="canonicalUrl")] if publisher.url else None
    return Team(name=publisher.name, description=publisher.legal_address, authoritativeDefinitions=links)


def _support(publisher: Publisher) -> list[Support] | None:
    if publisher.support is None:
        return None
    return [Support(channel=publisher.support, description=publisher.support_hours)]


def violations(document: Any) -> list[str]:
    """Places and rules of the standard's JSON schema that a parsed contract breaks; none of its values."""
    return [
        f"{'.'.join(str(part) for part in fault.absolute_path) or 'contract'}: {fault.validator}"
        for fault in _standard().iter_errors(document)
    ]


@cache
def _standard() -> Draft201909Validator:
    schema = files("open_data_contract_standard") / "schema.json"
    return Draft201909Validator(json.loads(schema.read_text(encoding="utf-8")))


def _server(release: ReleaseView) -> Server:
    """The folders of rows as a client downloads them. Its tools put a table's name in place of `{model}`."""
    cadence = release.period.cadence.value
    return Server(
        server="folder",
        type="local",
        path=f"data/{{model}}/cadence={cadence}/dt=*/revision=*/{release.product}.parquet",
        format="parquet",
        description=f"Below the product's folder, {release.product}/v{release.version}, at the client's destination.",
    )


def _service(content: RenderInput) -> list[ServiceLevelAgreementProperty]:
    cadence, timezone = content.release.period.cadence.value, content.release.timezone
    by = f"The next delivery is there by this time of {timezone}, on the day after the period ends."
    return [
        ServiceLevelAgreementProperty(
            property="frequency", value=1, unit=cadence, description=f"One delivery for each {cadence}."
        ),
        ServiceLevelAgreementProperty(property="timeOfAvailability", value=content.grant.deliver_by, description=by),
    ]


RENDERER = Renderer("contract", "contract.yaml", "application/yaml", "the data contract, for machines", contract)
