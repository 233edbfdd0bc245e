"""One thing that `throng doctor` looked at: what was found, or what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from tasks.errors import ThrongError


@dataclass(frozen=True)
class Finding:
    """What was looked at, and either what was found, or what is wrong."""

    subject: str
    found: str = ""
    fault: ThrongError | None = None
    waits_for: str = ""
    """The subject whose fault stops this look too."""

    def document(self) -> Mapping[str, Any]:
        """For programs."""
        return {
            "subject": self.subject,
            "found": self.found,
            "fault": self.fault.document() if self.fault else None,
            "waits_for": self.waits_for or None,
        }

    def sentence(self) -> Text:
        """For people."""
        subject = f"{self.subject:<20} "
        if self.waits_for:
            return Text.assemble(("wait   ", "yellow"), subject, f"not looked at: first correct {self.waits_for}")
        if self.fault is None:
            return Text.assemble(("ok     ", "green"), subject, self.found)
        fault = f"{self.fault.what} ({self.fault.code})"
        return Text.assemble(("FAULT  ", "bold red"), subject, fault, f"\n{'What to do: ':>28}", self.fault.action)
