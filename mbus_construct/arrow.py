"""Many telegrams at once as Arrow tables: the primitive of files, Polars and Spark.

    >>> import pyarrow as pa
    >>> from mbus_construct.arrow import decode_batch
    >>> hexes = ["681F1F680802727856341224400107550000000313153100DA023B13018B60043718021816"]
    >>> batch = pa.record_batch({"telegram": hexes})
    >>> table = decode_batch(batch, columns=["meter_id", "quantity", "unit", "mantissa", "exponent"])
    >>> table.to_pylist()[0]
    {'meter_id': '12345678', 'quantity': 'volume', 'unit': 'm³', 'mantissa': 12565, 'exponent': -3}

A number is exact: mantissa * 10**exponent, in the unit of its row. Dates and times are of the meter's own
clock, without zone; `value_type` says whether a time is a "date" or a "datetime". A row has a record, or an
`error`: a telegram that was rejected is one row with error, code and offset, and what went wrong with a
telegram as a whole is a row too. An invalid value is null with its `state` and `reason`. `code` has the codes
of what `decode` remarks.

Rows of one telegram stand together in wire order; telegrams come grouped by layout. Needs the extra `arrow`.
"""

from __future__ import annotations

from .tables.shapes import decode_batch, decode_star, decode_wide, schema_of

__all__ = ["decode_batch", "decode_star", "decode_wide", "schema_of"]
