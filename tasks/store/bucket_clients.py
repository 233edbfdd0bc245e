"""Clients of S3, under the identity that a destination names."""

import os
from collections.abc import Callable
from functools import cache
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader, create_loader

from tasks.errors import Misconfigured
from tasks.loopback import is_own
from tasks.store import usage
from tasks.store.bucket_answers import BoundedSession
from tasks.store.bucket_errors import translate_errors
from tasks.store.client_spec import Destination

_ATTEMPTS = 4
_CONNECT_SECONDS, _READ_SECONDS = 5, 60
_REUSED_SECONDS = 300


class BucketClients:
    """Clients of S3 by identity; each is used again for five minutes.

    Then the configuration may name other credentials, and those of a role last an hour.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._made: dict[tuple[str | None, ...], tuple[float, Any]] = {}

    def of(self, destination: Destination) -> Any:
        """The client for a destination."""
        named = (destination.profile, destination.region, destination.role_arn, destination.external_id)
        identity = (*named, destination.endpoint_url)
        now = self._now()
        made_at, client = self._made.get(identity, (float("-inf"), None))
        if now - made_at > _REUSED_SECONDS:
            client = _client(destination)
            self._made[identity] = now, client
        return client


def own_client() -> Any:
    """A client with this machine's own credentials."""
    return _store(_session(), None)


def _client(destination: Destination) -> Any:
    session = _session(destination.profile, region_name=destination.region)
    if destination.role_arn:
        session = _assumed(session, destination)
    if session.get_credentials() is None:
        raise NoCredentialsError
    return _store(session, destination.endpoint_url)


def _assumed(session: boto3.Session, destination: Destination) -> boto3.Session:
    """A session of one hour under the client's role, with the external id agreed with it."""
    external = {"ExternalId": destination.external_id} if destination.external_id else {}
    service = session.client("sts", config=_config())
    with translate_errors(str(destination.role_arn), "assuming the role", host_of(service)):
        answer = service.assume_role(RoleArn=destination.role_arn, RoleSessionName="throng", **external)
    given = answer["Credentials"]
    return _session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=destination.region,
    )


def _session(profile: str | None = None, **named: Any) -> boto3.Session:
    core = botocore.session.Session(profile=profile)
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    core.get_component("credential_provider").get_provider("assume-role")._prompter = _no_prompt
    return boto3.Session(botocore_session=core, **named)


def _no_prompt(asked: str) -> str:
    """Replace the prompt for a one-time code, which would block a schedule."""
    raise Misconfigured(
        "The AWS profile asks for a one-time code (mfa_serial), and Throng asks nobody.",
        "Put session credentials into a profile (`aws sts get-session-token` or `aws configure export-credentials`), "
        "and name that one.",
        "bucket.one_time_code",
    )


@cache
def _models(data_path: str | None) -> Loader:
    """AWS's descriptions of its services, parsed once (0.1 s) for all sessions."""
    return create_loader(data_path)


def _store(session: boto3.Session, endpoint_url: str | None) -> Any:
    own = endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    proxies: dict[str, str] | None = {} if own and is_own(own) else None  # botocore ignores IPv6 in `no_proxy`
    store = session.client("s3", endpoint_url=endpoint_url, config=_config("path" if own else "auto", proxies))
    store._endpoint.http_session = BoundedSession(store._endpoint.http_session)
    store.meta.events.register("before-send.s3", usage.count_request)
    store.meta.events.register("before-call.s3.HeadBucket", _stay)
    return store


def _stay(context: dict[str, Any], **_: object) -> None:
    """Let botocore ask once for a bucket's region; it would follow redirects of that request without end."""
    context["s3_redirect"]["redirected"] = True


def host_of(client: Any) -> str:
    """Scheme, host and port of a client's endpoint, without a password."""
    parts = urlsplit(client.meta.endpoint_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _config(addressing: str = "auto", proxies: dict[str, str] | None = None) -> Config:
    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        s3={"addressing_style": addressing},
        proxies=proxies,
    )
