"""A client: its destination and its grants."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, Strict, ValidationInfo, field_validator, model_validator

from tasks.loopback import is_own
from tasks.period import Period

_GRANTED = "granted_at"
"""Key beside the file's tables in the catalog: when each grant was first applied."""
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_.=-]{0,127}"


class _Table(BaseModel):
    """Descriptions complete the sentence "must be ..." in messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClientIdentity(_Table):
    """Who the client is."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower-case letters, digits, '-' and '_', at most 63"
    )
    contact: str = Field(
        pattern=r"^[^\p{C}\p{Zl}\p{Zp}<>]{3,200}$", description="one line of plain text: an address people answer"
    )


class Destination(_Table):
    """The client's bucket, and the identity that writes to it."""

    bucket: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
        min_length=3,
        max_length=63,
        description="a bucket's name: 3 to 63 lower-case letters, digits, '.' and '-'",
    )
    prefix: str = Field(
        pattern=rf"^{_SEGMENT}(/{_SEGMENT})*$",
        max_length=512,
        description="a folder in the bucket such as 'throng' or 'partners/throng': no '/' at its ends, no '..'",
    )
    region: str = Field(pattern=r"^[a-z0-9-]{2,32}$", description="a region such as 'eu-central-1'")
    endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$",
        description="an address such as 'https://s3.example.com', without name, password or path",
    )
    profile: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_.@-]{1,64}$", description="the name of a profile in our AWS configuration"
    )
    role_arn: str | None = Field(
        None,
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}$",
        description="a role such as 'arn:aws:iam::111122223333:role/throng-delivery'",
    )
    external_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$",
        description="the id agreed with the client for assuming role_arn",
    )
    kms_key_arn: str | None = Field(
        None,
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9_/-]{1,256}$",
        description="a key such as 'arn:aws:kms:eu-central-1:111122223333:key/...'",
    )
    expected_bucket_owner: str | None = Field(
        None, pattern=r"^[0-9]{12}$", description="the 12 digits of the client's AWS account, in quotes"
    )

    @model_validator(mode="after")
    def _external_id_needs_a_role(self) -> Self:
        if self.external_id and not self.role_arn:
            raise ValueError("external_id is given without role_arn: give both or neither")
        return self


class NoticeSettings(_Table):
    """Where the client learns of changes of its index. The webhook may hold a token, so it is shown by host alone."""

    url: str | None = Field(None, max_length=1000, description="an address such as 'https://example.com/hook'")
    email: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        description="an address such as 'data@example.com'",
    )

    @field_validator("url")
    @classmethod
    def _is_encrypted_or_on_loopback(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            port, host = parts.port, parts.hostname
        except ValueError:
            port = host = None
        local = parts.scheme == "http" and is_own(value)
        plain = host and "@" not in parts.netloc and not parts.fragment and value.isascii() and value.isprintable()
        if not plain or " " in value or port == 0 or not (local or parts.scheme == "https"):
            raise ValueError("must be an https address without name, password or #; http only on this machine")
        return value

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if not (self.url or self.email):
            raise ValueError("notice needs url or email")
        return self

    @property
    def shown_url(self) -> str:
        """Scheme and host of the webhook, and a digest by which two addresses differ."""
        parts, digest = urlsplit(self.url or ""), hashlib.sha256((self.url or "").encode()).hexdigest()
        return f"{parts.scheme}://{parts.hostname}/... ({digest[:8]})"

    @property
    def shown(self) -> str:
        """Every address, without what may be a secret."""
        return ", ".join([*([self.shown_url] if self.url else []), *([self.email] if self.email else [])])


def _known(what: str, info: ValidationInfo) -> Collection[str]:
    """The names that a file may use; empty for what the catalog holds."""
    found: Collection[str] = (info.context or {}).get(what, ())
    return found


class Grant(_Table):
    """The zones, dates and formats of one product that the client gets, and the daily deadline."""

    product: str
    zones: tuple[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_.:-]{1,64})$")], ...] = Field(
        min_length=1, description='["*"], or ids of zones or districts'
    )
    since: Annotated[date, Strict()] = Field(
        alias="from", ge=date(2000, 1, 1), description="a date without quotes from 2000 on, such as 2026-03-01"
    )
    until: Annotated[date, Strict()] | None = Field(None, description="a date without quotes: the last day granted")
    formats: tuple[str, ...] = Field(min_length=1, description='names of formats, such as ["parquet"]')
    deliver_by: str = Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description='a local time in quotes, such as "09:00"'
    )
    _granted_at: datetime | None = PrivateAttr(None)
    """When it was first applied; nothing is late before that."""

    @field_validator("product")
    @classmethod
    def _product_is_for_clients(cls, value: str, info: ValidationInfo) -> str:
        known = _known("products", info) or (value,)
        if value in _known("left_out", info):
            raise ValueError(f"is {value}, which the policy leaves out: see [budget] leave_out")
        if value not in known:
            near = get_close_matches(value, known, 1)
            meant = f"did you mean '{near[0]}'?" if near else f"one of: {', '.join(known)}"
            raise ValueError(f"is not one for clients ({meant})")
        return value

    @field_validator("formats")
    @classmethod
    def _formats_exist(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = _known("formats", info) or value
        if not set(value) <= set(known):
            raise ValueError(f"must be one or more of: {', '.join(known)}")
        return value

    @field_validator("zones", "formats")
    @classmethod
    def _names_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names something twice")
        if "*" in value and len(value) > 1:
            raise ValueError('must be ["*"] alone, or ids')
        return value

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until and self.until < self.since:
            raise ValueError("until is before from")
        return self

    def covers(self, period: Period) -> bool:
        """Whether every day of the period is granted."""
        return self.since <= period.first and (self.until is None or period.days[-1] <= self.until)

    def overlaps(self, other: "Grant") -> bool:
        """Whether both grant the same product on some day."""
        apart = (self.until or date.max) < other.since or (other.until or date.max) < self.since
        return self.product == other.product and not apart

    @property
    def key(self) -> str:
        """Identity of a grant: product and first day."""
        return f"{self.product} {self.since}"

    def expected_by(self, period: Period, zone: ZoneInfo) -> datetime:
        """When the period's delivery becomes late: the first `deliver_by` after it, and after it was granted."""
        by = time.fromisoformat(self.deliver_by)
        due = datetime.combine(period.end, by, zone)
        if self._granted_at is None or due > self._granted_at:
            return due
        today = self._granted_at.astimezone(zone).date()
        due = datetime.combine(today, by, zone)
        return due if due > self._granted_at else datetime.combine(today + timedelta(days=1), by, zone)


class ClientSpec(_Table):
    """One client's whole file; stored as `model_dump_json(by_alias=True)`."""

    client: ClientIdentity
    destination: Destination
    grants: tuple[Grant, ...]
    notice: NoticeSettings | None = None

    @field_validator("grants")
    @classmethod
    def _one_grant_a_day(cls, value: tuple[Grant, ...]) -> tuple[Grant, ...]:
        if not value:
            raise ValueError("must be one table or more")
        for place, grant in enumerate(value):
            if any(grant.overlaps(other) for other in value[:place]):
                raise ValueError(f"number {place + 1} grants {grant.product} on days that an earlier one grants too")
        return value

    @classmethod
    def stored(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document` made; dates are text there, so pydantic must read it as JSON."""
        spec = cls.model_validate_json(json.dumps({name: part for name, part in document.items() if name != _GRANTED}))
        for grant in spec.grants:
            if at := document.get(_GRANTED, {}).get(grant.key):
                grant._granted_at = datetime.fromisoformat(at)
        return spec

    def document(self, kept: "ClientSpec | None", now: datetime) -> dict[str, Any]:
        """For the catalog: the file's content, and the start of each grant; `kept` is the replaced content."""
        before = {grant.key: grant._granted_at for grant in kept.grants} if kept else {}
        granted = {grant.key: (before.get(grant.key) or now).isoformat() for grant in self.grants}
        return {**self.model_dump(mode="json", by_alias=True), _GRANTED: granted}

    @property
    def name(self) -> str:
        """The client's name."""
        return self.client.name

    def grant(self, product: str, period: Period) -> Grant | None:
        """The grant under which the client gets the product of this period; None if there is none."""
        return next((grant for grant in self.grants if grant.product == product and grant.covers(period)), None)
