"""Answers of an object store, bounded: botocore reads listings and errors whole, without a limit of its own."""

from collections.abc import Mapping
from typing import Any

from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody

MOST_BYTES = 16 << 20
"""Of an answer. A page lists a thousand keys of at most 1,024 bytes, which XML may write five times as long."""


class BoundedSession:
    """An HTTP session of botocore that reads no answer beyond its bound; objects are left to their reader."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> Any:
        """Raise ResponseParserError for a larger answer, unread."""
        is_object, request.stream_output = request.stream_output, True
        answer = self._session.send(request)
        if not is_object or answer.status_code >= 300:
            answer._content = StreamingBody(answer.raw, None).read(MOST_BYTES + 1)
            if len(answer._content) > MOST_BYTES:
                answer.raw.close()
                raise ResponseParserError("too large")
        return answer

    def close(self) -> None:
        """End its connections."""
        self._session.close()


def listed(page: Mapping[str, Any]) -> dict[str, int]:
    """Size by key of one page; raises ResponseParserError for a web page, and for entries that lack either."""
    if not page.keys() & {"Name", "IsTruncated", "Contents"}:
        raise ResponseParserError("no listing")
    try:
        return {entry["Key"]: entry["Size"] for entry in page.get("Contents", ())}
    except KeyError:
        raise ResponseParserError("an entry lacks key or size") from None
