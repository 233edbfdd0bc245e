"""A file of a day's generation as the catalog lists it, so that a lost or shortened one is missed."""

from dataclasses import dataclass
from datetime import date

from tasks.errors import StorageUnavailable
from tasks.period import Period


@dataclass(frozen=True, order=True)
class LakeFile:
    """Path relative to the lake, such as `presence/date=2026-03-01/generation=1/bucket=07/part-1.sealed`, and size."""

    path: str
    bytes: int

    @property
    def table(self) -> str:
        """What it is a part of: `presence`, `month_state`, `coverage`, `quarantine`."""
        return self.path.split("/", 1)[0]

    @property
    def day(self) -> date:
        """The day whose rows it holds."""
        return date.fromisoformat(self._labels["date"])

    @property
    def partition(self) -> int:
        """Top six bits of its pseudonyms."""
        return int(self._labels["bucket"])

    @property
    def period(self) -> Period | None:
        """The period under whose data key it is sealed; None where it holds no person's rows."""
        if "bucket" not in self._labels:
            return None
        return Period.parse(self._labels.get("period", self._labels["date"]))

    @property
    def next_path(self) -> str:
        """Where the same bucket's rows go that are to take its place: files are never changed."""
        folder, part = self.path.rsplit("/part-", 1)
        return f"{folder}/part-{int(part.removesuffix('.sealed')) + 1}.sealed"

    @property
    def _labels(self) -> dict[str, str]:
        return dict(part.split("=", 1) for part in self.path.split("/") if "=" in part)


def lost_or_altered(location: str, file: LakeFile, fault: str) -> StorageUnavailable:
    """A file of the lake that cannot be read as it was written, with what brings its day back."""
    return StorageUnavailable(
        f"{location}/{file.path} {fault}.",
        f"Restore it from a backup, or run `throng ingest {file.day} --again`, which reads the day from its landing.",
        "lake.file_damaged",
    )
