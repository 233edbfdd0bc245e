"""The catalog: what was ingested, who receives what, and what ran."""

from tasks.store.day_records import DAY_TRANSITIONS, DayInputs, DayRecords, Verdict
from tasks.store.delivery_records import DELIVERY_TRANSITIONS, DeliveryRecords
from tasks.store.file_records import FileRecords
from tasks.store.register_records import RegisterRecords
from tasks.store.run_records import RunRecords

__all__ = ["DAY_TRANSITIONS", "DELIVERY_TRANSITIONS", "Catalog", "DayInputs", "Verdict"]


class Catalog(DayRecords, FileRecords, DeliveryRecords, RegisterRecords, RunRecords):
    """One object for all records; changes that others see demand their audit entry."""
