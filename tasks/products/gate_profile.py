"""The gate profile: the panel's kept rows by local hour and other rows by reason; drawn while a day is ingested."""

import pyarrow as pa

from tasks.events.profile import entries
from tasks.period import Cadence
from tasks.products.spec import OPTED_IN, Audience, DataProduct, Dimension, Level

ENTRY = Dimension("entry", pa.string(), "A local hour, or a read reason.", lambda public: entries(len(public.hours)))
ROWS = Level("rows", "Rows of the panel by local hour, and by reason where they were not used.", (ENTRY,))

PRODUCT = DataProduct(
    name="gate_profile",
    version=1,
    cadences=frozenset({Cadence.DAY}),
    levels=(ROWS,),
    audience=Audience.GATE,
    population=OPTED_IN,
    reads=(),
    counts=(),
)
