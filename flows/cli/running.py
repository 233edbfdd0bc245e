"""How a verb is run: as a flow run with its page where a Prefect API is configured, else plainly. One code path."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.sentences import Reference


def run(verb: str, words: Mapping[str, Any], reason: str | None = None) -> "Reference":
    """Run a verb with its words; a reason's text goes to the audit table, and only its id any further."""
    from flows import work
    from flows.cli.progress import shown

    subject = " ".join(", ".join(word) if isinstance(word, tuple) else str(word) for word in words.values() if word)
    if reason:
        words = {**words, "reason_id": work.keep_reason(verb, subject, reason)}
    with shown(f"{verb} {subject}"):
        return _as_flow(verb, words) if os.environ.get("PREFECT_API_URL") else getattr(work, verb)(**words)


def _as_flow(verb: str, words: Mapping[str, Any]) -> "Reference":
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")  # the command says what happened
    import asyncio
    from importlib import import_module

    from tasks.errors import StorageUnavailable

    flow = getattr(import_module(f"flows.{verb}"), verb)
    try:
        state = asyncio.run(flow(**words, return_state=True))
    except RuntimeError as error:
        if "Failed to reach API" not in str(error):
            raise
        raise StorageUnavailable(
            "The API named by PREFECT_API_URL does not answer.",
            "Start it, or unset the variable to run without pages.",
        ) from None
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result  # type: ignore[no-any-return]
