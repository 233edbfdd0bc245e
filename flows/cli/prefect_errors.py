"""What it means when Prefect's client fails, and not the flow: who must act, and how."""

from tasks.errors import Misconfigured, StorageUnavailable, ThrongError

_WITHOUT = "or unset PREFECT_API_URL to run without pages."
_UNREACHED = "Failed to reach API"
"""Of Prefect's error, whose cause says why."""


def translate(error: Exception) -> ThrongError | None:
    """The fault as an error; None for a defect in Throng.

    A flow's own errors are not raised but kept in its state: what is raised comes from Prefect, its API, or what the
    environment tells its client.
    """
    from httpx import HTTPError, HTTPStatusError, InvalidURL, UnsupportedProtocol

    if _UNREACHED in str(error):
        cause = error.__cause__
        return (isinstance(cause, Exception) and translate(cause)) or _away()
    if isinstance(error, HTTPStatusError):
        return _answered(error.response.status_code)
    if isinstance(error, UnsupportedProtocol | InvalidURL):
        return Misconfigured(
            "PREFECT_API_URL is no address.", f"Write http://HOST:PORT/api, {_WITHOUT}", "prefect.invalid_address"
        )
    if isinstance(error, HTTPError):
        return _away()
    if isinstance(error, OSError | ValueError):
        return Misconfigured(
            f"Prefect's client cannot work in this environment ({type(error).__name__}).",
            "Check SSL_CERT_FILE, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and the variables that begin with PREFECT_.",
            "prefect.client_unusable",
        )
    return None


def _away() -> ThrongError:
    return StorageUnavailable(
        "The API named by PREFECT_API_URL does not answer.", f"Start it, {_WITHOUT}", "prefect.unavailable"
    )


def _answered(status: int) -> ThrongError:
    """What a status means that no flow can go on with."""
    if status in (401, 403):
        return Misconfigured(
            "Prefect's API asks for user and password.",
            "Set PREFECT_API_AUTH_STRING to user:password.",
            "prefect.login_missing",
        )
    if status >= 500 or status in (408, 429):
        return StorageUnavailable(
            f"Prefect's API answers with status {status}.", f"Wait, correct its server, {_WITHOUT}", "prefect.failing"
        )
    return Misconfigured(
        f"PREFECT_API_URL does not lead to a Prefect API: status {status}.",
        f"Write http://HOST:PORT/api, {_WITHOUT}",
        "prefect.not_an_api",
    )
