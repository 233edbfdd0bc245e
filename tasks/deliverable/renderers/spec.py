"""What a renderer is: one kind of file in a delivery, as a function of what the client may have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from tasks.deliverable.changes import Changes, changes
from tasks.deliverable.grant import Granted
from tasks.deliverable.level_view import TableView
from tasks.deliverable.paths import DeliveryPath
from tasks.deliverable.table import Tables
from tasks.deliverable.view import DeliveryView, GrantView, ReleaseView, ZonesView


@dataclass(frozen=True)
class RenderInput:
    """All that a file may show."""

    release: ReleaseView
    plan: ZonesView
    grant: GrantView
    delivery: DeliveryView
    places: Granted
    tables: Tables
    """The delivered rows; those of one table for a renderer of one file a table."""
    public_key: bytes
    """Raw Ed25519 key by which the delivery is verified."""
    renderers: tuple["Renderer", ...]
    """Those of this delivery."""
    reference: str = ""
    """The folder of reference data, below the product's folder; empty while that is rendered."""

    @property
    def path(self) -> DeliveryPath:
        """Where the delivery is."""
        return DeliveryPath(self.release.product, self.release.version, self.release.period, self.delivery.revision)

    @property
    def table(self) -> TableView:
        """The only table."""
        (name,) = self.tables
        return next(table for table in self.release.tables if table.name == name)

    def of(self, table: TableView) -> "RenderInput":
        """The same with the rows of one table alone."""
        return replace(self, tables={table.name: self.tables[table.name]})

    @cached_property
    def changes(self) -> Changes:
        """What it changes against the delivery before."""
        return changes(self)

    @property
    def paths(self) -> list[str]:
        """Every file's path below the product's folder, without manifest and signature."""
        return [each.path(part) for each in self.renderers for part in each.parts(self)]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(rows.num_rows for rows in self.tables.values())


@dataclass(frozen=True)
class RenderedFile:
    """A file's path below the product's folder, its bytes, and how many delivered rows it holds."""

    path: str
    content: bytes
    rows: int | None


@dataclass(frozen=True)
class Renderer:
    """One kind of file. Equal inputs give equal bytes."""

    name: str
    """What a grant's `formats` calls it."""
    file: str
    """The file's name; `{table}` and `{product}` are filled in."""
    media_type: str
    meaning: str
    """One phrase for the read-me."""
    render: Callable[[RenderInput], bytes]
    on_request: bool = False
    """Whether a client gets it only if its grant asks for it."""
    holds: Literal["document", "table", "tables"] = "document"
    """No rows; the rows of one table, in a file a table; or all rows."""
    below: Literal["docs", "data", "reference"] = "docs"
    """Beside the manifest; in the folders of rows, where documents may not be; or once for a zone plan."""

    def files(self, content: RenderInput) -> Iterator[RenderedFile]:
        """Its files of a delivery."""
        for part in self.parts(content):
            rows = None if self.holds == "document" else part.rows
            yield RenderedFile(self.path(part), self.render(part), rows)

    def parts(self, content: RenderInput) -> Iterator[RenderInput]:
        """What each of its files holds."""
        yield from map(content.of, content.release.tables) if self.holds == "table" else (content,)

    def names(self, content: RenderInput) -> list[str]:
        """The names of its files."""
        return [self.path(part).rpartition("/")[2] for part in self.parts(content)]

    def path(self, content: RenderInput) -> str:
        """A file's path below the product's folder."""
        table = next(iter(content.tables))
        folders = {"docs": content.path.documents, "data": content.path.rows(table), "reference": content.reference}
        return f"{folders[self.below]}/{self.file.format(table=table, product=content.release.product)}"
