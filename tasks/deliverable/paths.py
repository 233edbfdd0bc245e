"""Where the files of a delivery are, below the product's folder in the client's prefix.

Data folders hold rows alone, so that Spark, pandas and others read a whole folder. Documents are beside them.
"""

from dataclasses import dataclass

from tasks.period import Period


def partition(cadence: str, start: str, revision: int) -> str:
    """The folder keys of a delivery: its period's cadence and first day, and its revision."""
    return f"cadence={cadence}/dt={start}/revision={revision}"


@dataclass(frozen=True)
class DeliveryPath:
    """The place of one delivery; `revision` counts deliveries, not releases."""

    product: str
    version: int
    period: Period
    revision: int

    @property
    def product_folder(self) -> str:
        """The product's folder below the client's prefix."""
        return f"{self.product}/v{self.version}"

    @property
    def partition(self) -> str:
        """What names the period and the revision in every path."""
        return partition(self.period.cadence.value, self.period.first.isoformat(), self.revision)

    @property
    def documents(self) -> str:
        """The folder of documents, below the product's folder."""
        return f"docs/{self.partition}"

    @property
    def folder(self) -> str:
        """The folder of documents, below the client's prefix: what the index names."""
        return f"{self.product_folder}/{self.documents}"

    def rows(self, table: str) -> str:
        """The folder of a table's rows, below the product's folder."""
        return f"data/{table}/{self.partition}"
