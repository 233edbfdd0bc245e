"""Every error that the AWS library can raise is somebody's to mend, and none of them is called a defect in Throng."""

import pytest
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from tasks.errors import Misconfigured, RefusedDelivery, StorageUnavailable, ThrongError
from tasks.store.bucket_errors import translate_errors


def _below(kind: type[BotoCoreError]) -> set[type[BotoCoreError]]:
    found = {one for one in kind.__subclasses__() if one.__module__.startswith("botocore.")}
    return found.union(*map(_below, found))


class _Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "secret"


def _made(kind: type[BotoCoreError]) -> BotoCoreError:
    """An error of the kind, whose text would quote what nobody should see."""
    error: BotoCoreError = kind.__new__(kind)  # type: ignore[call-overload]
    error.kwargs = _Anything(error="secret")
    return error


def _said(error: Exception) -> ThrongError:
    with pytest.raises(ThrongError) as caught, translate_errors("s3://client/throng", "listing"):
        raise error
    return caught.value


def test_each_error_of_the_aws_library_has_somebody_who_can_act() -> None:
    kinds = _below(BotoCoreError)
    assert len(kinds) > 80
    for kind in kinds:
        fault = _said(_made(kind))
        assert fault.exit_code in (2, 30, 40), kind
        assert "secret" not in str(fault), kind


@pytest.mark.parametrize(
    ("kind", "branch"),
    [
        (boto.SSOTokenLoadError, Misconfigured),
        (boto.UnauthorizedSSOTokenError, Misconfigured),
        (boto.LoginRefreshRequired, Misconfigured),
        (boto.InfiniteLoopConfigError, Misconfigured),
        (boto.ConfigParseError, Misconfigured),
        (boto.InvalidChecksumConfigError, Misconfigured),
        (boto.ParamValidationError, Misconfigured),
        (boto.ProxyConnectionError, StorageUnavailable),
        (boto.EndpointConnectionError, StorageUnavailable),
        (boto.ConnectTimeoutError, StorageUnavailable),
        (boto.FlexibleChecksumError, StorageUnavailable),
    ],
)
def test_a_fault_is_sorted_by_who_must_act(kind: type[BotoCoreError], branch: type[ThrongError]) -> None:
    assert type(_said(_made(kind))) is branch


def test_an_address_is_named_without_its_password_and_path() -> None:
    error = boto.EndpointConnectionError(endpoint_url="https://user:word@sts.example:8443/a?b=c", error="refused")
    assert "https://sts.example:8443 " in _said(error).what
    assert "word" not in str(_said(error))


def test_a_store_that_answers_in_another_language_is_the_clients_to_mend() -> None:
    assert type(_said(ResponseParserError("<html>secret"))) is RefusedDelivery


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_the_clients_to_mend(status: int) -> None:
    answer = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}
    assert type(_said(ClientError(answer, "ListObjectsV2"))) is RefusedDelivery


def test_a_defect_of_ours_is_not_blamed_on_anybody() -> None:
    with pytest.raises(ZeroDivisionError), translate_errors("s3://client/throng", "listing"):
        raise ZeroDivisionError
