"""The catalog: what was ingested, who receives what, and what ran."""

from tasks.store.client_repository import CLIENT_TRANSITIONS, ClientRepository
from tasks.store.day_repository import DAY_TRANSITIONS, DayInputs, DayRepository, Verdict
from tasks.store.delivery_repository import DELIVERY_TRANSITIONS, DeliveryRepository
from tasks.store.delta_repository import DeltaRepository
from tasks.store.file_repository import FileRepository
from tasks.store.index_repository import IndexRepository
from tasks.store.register_repository import RegisterRepository
from tasks.store.run_repository import RunRepository

__all__ = ["CLIENT_TRANSITIONS", "DAY_TRANSITIONS", "DELIVERY_TRANSITIONS", "Catalog", "DayInputs", "Verdict"]


class Catalog(
    ClientRepository,
    DayRepository,
    DeliveryRepository,
    DeltaRepository,
    FileRepository,
    IndexRepository,
    RegisterRepository,
    RunRepository,
):
    """One object for all records; changes that others see demand their audit entry."""
