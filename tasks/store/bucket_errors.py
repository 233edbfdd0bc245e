"""What an object store's answer means: who must act, and how. Answers are known by code, never quoted."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from tasks.errors import Misconfigured, RefusedDelivery, StorageUnavailable, ThrongError, shown

# Templates: `translate_errors` adds place and act, and fills in the endpoint and a detail.

_NO_BUCKET = RefusedDelivery(
    "the bucket does not exist",
    "Ask the client to create it, or correct `bucket` in the client's file.",
    "bucket.missing",
)
_NO_OBJECT = RefusedDelivery(
    "the object is not there", "Deliver again, or ask the client who removed it.", "bucket.no_object"
)
_DENIED = RefusedDelivery(
    "access is denied",
    "Ask the client to allow s3:PutObject, s3:GetObject and s3:ListBucket below the prefix, and to confirm the bucket, "
    "its owner's account, role and external id.",
    "bucket.access_denied",
)
_KEY_DENIED = RefusedDelivery(
    "the encryption key cannot be used",
    "Ask the client to allow kms:GenerateDataKey and kms:Decrypt on the key, or correct `kms_key_arn`.",
    "bucket.encryption_key_denied",
)
_UNKNOWN_IDENTITY = RefusedDelivery(
    "our credentials are not accepted",
    "Check the profile that the client's file names, or ask the client for valid credentials.",
    "bucket.credentials_rejected",
)
_OTHER_REGION = RefusedDelivery(
    "the bucket is in another region",
    "Ask the client for the bucket's region, and correct `region` in the client's file.",
    "bucket.other_region",
)
_NOT_OFFERED = RefusedDelivery(
    "the store lacks If-None-Match or SHA-256 checksums",
    "Ask the client for a bucket on a store that offers both.",
    "bucket.feature_missing",
)
_CLOCK = Misconfigured(
    "this machine's clock is wrong", "Set the clock, and run the command again.", "bucket.clock_wrong"
)
_DAMAGED = StorageUnavailable(
    "the bytes were damaged in transit", "Nothing was accepted: run the command again.", "bucket.bytes_damaged"
)
_AWAY = StorageUnavailable(
    "{endpoint} does not answer",
    "Check the network, HTTPS_PROXY and `endpoint_url`, or wait; then run the command again: it continues.",
    "bucket.unavailable",
)
_NO_TLS = StorageUnavailable(
    "{endpoint} and this machine share no TLS version",
    "Check `endpoint_url` (http:// or https://) and the network, then run the command again.",
    "bucket.no_tls",
)
_UNTRUSTED = RefusedDelivery(
    "this machine does not trust the TLS certificate of {endpoint}",
    "Set AWS_CA_BUNDLE to a file with the signing authority's certificate, or ask for a valid certificate.",
    "bucket.certificate_untrusted",
)
_NO_PROXY = StorageUnavailable(
    "the proxy {endpoint} does not answer",
    "Correct HTTPS_PROXY or HTTP_PROXY, or name the store's host in NO_PROXY; then run the command again.",
    "bucket.proxy_unavailable",
)
_SOCKS = Misconfigured(
    "HTTPS_PROXY or HTTP_PROXY names a SOCKS proxy, which the AWS library cannot use",
    "Name an http:// proxy there, or the store's host in NO_PROXY.",
    "bucket.proxy_unusable",
)
_SENT_ELSEWHERE = RefusedDelivery(
    "{endpoint} redirects requests to another address",
    "Name the store's own address in `endpoint_url`, not a gateway or login page, and the bucket's region.",
    "bucket.redirected",
)
_NOT_S3 = RefusedDelivery(
    "{endpoint} does not answer as S3 does",
    "Name an S3 store's own address in `endpoint_url`, not a web page, a login or a gateway.",
    "bucket.not_s3",
)
_NO_CREDENTIALS = Misconfigured(
    "this machine has no credentials{detail}",
    "Set up the profile that the client's file names in ~/.aws, or AWS_PROFILE.",
    "bucket.no_credentials",
)
_NO_SIGN_IN = Misconfigured(
    "the AWS profile's sign-in is absent or has expired",
    "Sign in again (`aws sso login` or `aws login`). A schedule needs a profile that needs no person.",
    "bucket.sign_in_expired",
)
_BROKEN_PROFILE = Misconfigured(
    "the AWS profile gives no credentials{detail}",
    "Check what it names in ~/.aws/config: role_arn, source_profile, credential_process, web_identity_token_file, "
    "sso_session. `aws sts get-caller-identity` with the same AWS_PROFILE tries it.",
    "bucket.profile_invalid",
)
_BAD_ADDRESS = Misconfigured(
    "S3 does not accept the bucket, region or endpoint{detail}",
    "Correct the address, or `bucket`, `region` and `endpoint_url` in the client's file.",
    "bucket.address",
)
_BAD_SETTING = Misconfigured(
    "an AWS setting of this machine cannot be used{detail}",
    "Check the variables that begin with AWS_, HTTPS_PROXY, and ~/.aws/config.",
    "bucket.setting_invalid",
)
_NO_CERTIFICATES = Misconfigured(
    "the file of trusted TLS certificates cannot be read{detail}",
    "Correct AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or `ca_bundle` in ~/.aws/config.",
    "bucket.certificates_unreadable",
)

_BY_CODE: dict[str, ThrongError] = {
    **dict.fromkeys(("NoSuchBucket", "404"), _NO_BUCKET),
    "NoSuchKey": _NO_OBJECT,
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "403"), _DENIED),
    **dict.fromkeys(
        (
            "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "UnrecognizedClientException",
            "ExpiredToken", "ExpiredTokenException", "InvalidToken", "InvalidIdentityToken", "TokenRefreshRequired",
            "UnauthorizedException",
        ),
        _UNKNOWN_IDENTITY,
    ),
    **dict.fromkeys(
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"),
        _OTHER_REGION,
    ),
    **dict.fromkeys(("NotImplemented", "MethodNotAllowed"), _NOT_OFFERED),
    "RequestTimeTooSkewed": _CLOCK,
    **dict.fromkeys(
        ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"),
        _DAMAGED,
    ),
    "RequestTimeout": _AWAY,
}  # fmt: skip

_BY_TYPE: tuple[tuple[tuple[type[Exception], ...], ThrongError], ...] = (
    ((boto.ProfileNotFound, boto.NoCredentialsError), _NO_CREDENTIALS),
    (
        (
            boto.SSOError, boto.LoginError, boto.NoAuthTokenError, boto.TokenRetrievalError,
            boto.RefreshWithMFAUnsupportedError,
        ),
        _NO_SIGN_IN,
    ),
    (
        (
            boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.UnknownCredentialError,
            boto.UnknownTokenProviderError, boto.InvalidConfigError, boto.MetadataRetrievalError,
            boto.MissingDependencyException,
        ),
        _BROKEN_PROFILE,
    ),
    (
        (
            boto.FlexibleChecksumError, boto.ChecksumError, boto.IncompleteReadError, boto.ResponseStreamingError,
            boto.AwsChunkedWrapperError,
        ),
        _DAMAGED,
    ),
    ((boto.ProxyConnectionError,), _NO_PROXY),
    ((boto.HTTPClientError, boto.ConnectionError, boto.CapacityNotAvailableError), _AWAY),
    ((ResponseParserError, boto.PaginationError), _NOT_S3),
    (
        (
            boto.ParamValidationError, boto.InvalidDNSNameError, boto.EndpointProviderError, boto.InvalidRegionError,
            boto.NoRegionError, boto.UnknownRegionError, boto.BaseEndpointResolverError, boto.UnsupportedS3ArnError,
            boto.UnsupportedOutpostResourceError, boto.InvalidHostLabelError,
        ),
        _BAD_ADDRESS,
    ),
)  # fmt: skip
_KNOWN = (ClientError, BotoCoreError, ResponseParserError)
_UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError)
_SHOWN = ("config_key", "profile", "profile_name", "source_profile", "path", "provider", "region_name")
"""Attributes of an error that may be shown: names of settings, never their values."""


@contextmanager
def translate_errors(where: str, doing: str, endpoint: str = "the store") -> Iterator[None]:
    """Turn errors of the AWS library into ThrongErrors; a defect of Throng passes.

    `where` names bucket or role, `doing` the act, `endpoint` the address if the error names none.
    """
    try:
        yield
    except (ThrongError, MemoryError):
        raise
    except Exception as error:
        if not isinstance(error, _KNOWN) and "botocore" not in _libraries(error):
            raise
        found = _meaning(error)
        what = found.what.format(endpoint=_address(error) or endpoint, detail=_detail(error))
        raise type(found)(f"{where}: {doing} failed, {what}.", found.action, found.code) from None


def code_of(error: ClientError) -> str:
    """The store's code for the fault."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meaning(error: Exception) -> ThrongError:
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, boto.SSLError):
        return _untrusted(_cause(error))
    if isinstance(error, boto.ProxyConnectionError) and "socks" in str(error.kwargs.get("proxy_url")):
        return _SOCKS
    if type(error) is boto.HTTPClientError:
        return _unsent(_cause(error))
    if meaning := next((meaning for types, meaning in _BY_TYPE if isinstance(error, types)), None):
        return meaning
    if isinstance(error, BotoCoreError):
        return _BAD_SETTING
    if "botocore.parsers" in _libraries(error):
        return _NOT_S3
    if "botocore.credentials" in _libraries(error):
        return _BROKEN_PROFILE
    return _BAD_ADDRESS if isinstance(error, ValueError) and "endpoint" in str(error) else _BAD_SETTING


def _answered(error: ClientError) -> ThrongError:
    """What an error response means."""
    code, facts = code_of(error), error.response.get("ResponseMetadata", {})
    status = facts.get("HTTPStatusCode", 0)
    if code.lower().startswith("kms"):
        return _KEY_DENIED
    if 300 <= status < 400 and "x-amz-bucket-region" not in facts.get("HTTPHeaders", {}):
        return _SENT_ELSEWHERE
    if known := _BY_CODE.get(code):
        return known
    if status >= 500 or status in (408, 409, 429):
        return _AWAY
    return RefusedDelivery(
        f"the store refused with '{shown(code)}'", "Ask the client or the store's operator why.", "bucket.refused"
    )


def _untrusted(cause: object) -> ThrongError:
    """Why TLS failed; urllib3 also wraps unreadable files of trusted certificates."""
    if any(isinstance(one, _UNREADABLE) for one in getattr(cause, "args", ())):
        return _NO_CERTIFICATES
    return _UNTRUSTED if "CERTIFICATE_VERIFY" in str(cause) else _NO_TLS


def _unsent(cause: object) -> ThrongError:
    """Why a request was not sent, if the library gives no type."""
    if isinstance(cause, _UNREADABLE):
        return _NO_CERTIFICATES
    return _BAD_SETTING if isinstance(cause, ValueError) else _AWAY


def _cause(error: BotoCoreError) -> object:
    return error.kwargs.get("error")


def _address(error: Exception) -> str:
    """Scheme, host and port that an error names; no path, and no password."""
    named = getattr(error, "kwargs", {})
    parts = urlsplit(str(named.get("endpoint_url") or named.get("proxy_url") or ""))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path="", query="", fragment="").geturl()


def _detail(error: Exception) -> str:
    """The error's type, and the names of its settings and files."""
    named = getattr(error, "kwargs", {})
    cause = named.get("error")
    kind = cause if isinstance(cause, Exception) else error
    words = [named[name] for name in _SHOWN if name in named] + [kind.filename if isinstance(kind, OSError) else None]
    return f" ({', '.join([type(kind).__name__, *(shown(str(word)) for word in words if word)])})"


def _libraries(error: Exception) -> set[str]:
    """Modules and packages in the error's traceback."""
    names = {str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)}
    return names | {name.partition(".")[0] for name in names}
