"""What an object store's answer means, in one place: who must act, and how. Answers are known by code, never quoted."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from tasks.errors import Misconfigured, RefusedDelivery, StorageUnavailable, ThrongError, shown

_Meaning = tuple[type[ThrongError], str, str]

_NO_BUCKET: _Meaning = (
    RefusedDelivery,
    "the bucket does not exist",
    "Ask the client to create it, or mend `bucket` in the client's file.",
)
_NO_OBJECT: _Meaning = (RefusedDelivery, "the object is not there", "Deliver again, or ask the client who removed it.")
_DENIED: _Meaning = (
    RefusedDelivery,
    "access is denied",
    "Ask the client to allow our identity s3:PutObject, s3:GetObject and s3:ListBucket below the prefix, and to "
    "confirm bucket, owner's account, role and external id.",
)
_KEY_DENIED: _Meaning = (
    RefusedDelivery,
    "the encryption key cannot be used",
    "Ask the client to allow our identity kms:GenerateDataKey and kms:Decrypt on the key, or mend `kms_key_arn`.",
)
_UNKNOWN_IDENTITY: _Meaning = (
    RefusedDelivery,
    "our credentials are not accepted",
    "Check the profile that the client's file names, or ask the client for valid credentials.",
)
_OTHER_REGION: _Meaning = (
    RefusedDelivery,
    "the bucket is in another region",
    "Ask the client for the bucket's region, and mend `region` in the client's file.",
)
_NOT_OFFERED: _Meaning = (
    RefusedDelivery,
    "the store does not offer what a delivery needs (If-None-Match and SHA-256 checksums)",
    "Ask the client for a bucket on a store that offers both.",
)
_CLOCK: _Meaning = (Misconfigured, "this machine's clock is wrong", "Set the clock, and run the command again.")
_DAMAGED: _Meaning = (
    StorageUnavailable,
    "the bytes were damaged on their way",
    "Nothing was accepted: run the command again.",
)
_AWAY: _Meaning = (
    StorageUnavailable,
    "the store does not answer",
    "Check the network and `endpoint_url`, or wait; running the command again goes on where it stopped.",
)
_NO_CREDENTIALS: _Meaning = (
    Misconfigured,
    "this machine has no credentials for it",
    "Set up the profile that the client's file names in ~/.aws, or AWS_PROFILE.",
)

_BY_CODE: dict[str, _Meaning] = {
    **dict.fromkeys(("NoSuchBucket", "404"), _NO_BUCKET),
    "NoSuchKey": _NO_OBJECT,
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "403"), _DENIED),
    **dict.fromkeys(
        (
            "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "UnrecognizedClientException",
            "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
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

_BY_TYPE: tuple[tuple[tuple[type[BotoCoreError], ...], _Meaning], ...] = (
    (
        (boto.ProfileNotFound, boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError),
        _NO_CREDENTIALS,
    ),
    ((boto.FlexibleChecksumError, boto.IncompleteReadError, boto.ResponseStreamingError), _DAMAGED),
    ((boto.HTTPClientError, boto.ConnectionError), _AWAY),
)


@contextmanager
def meant(where: str, doing: str) -> Iterator[None]:
    """Turn the store's errors inside the block into ours; `where` names bucket or role, `doing` the act."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if meaning := _meaning(error):
            branch, what, action = meaning
            raise branch(f"{where}: {doing} failed, {what}.", action) from None
        raise


def code_of(error: ClientError) -> str:
    """The store's own word for the fault."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meaning(error: ClientError | BotoCoreError) -> _Meaning | None:
    """What the error means; None for one that only a defect of ours can cause."""
    if isinstance(error, BotoCoreError):
        return next((meaning for types, meaning in _BY_TYPE if isinstance(error, types)), None)
    code = code_of(error)
    if code.lower().startswith("kms"):
        return _KEY_DENIED
    if known := _BY_CODE.get(code):
        return known
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500 or status in (408, 409, 429):
        return _AWAY
    return RefusedDelivery, f"the store refused with '{shown(code)}'", "Ask the client or the store's operator why."
