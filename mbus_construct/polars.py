"""Telegrams as a Polars LazyFrame: files or frames in, the long table out. Needs the extra `polars`.

    >>> from mbus_construct.polars import read_telegrams
    >>> readings = read_telegrams("drops/*.csv", column="mbus-raw", value=True)      # doctest: +SKIP
    >>> readings.filter(quantity="volume").group_by("meter_id").agg("value")         # doctest: +SKIP

Nothing is decoded before `collect` or a sink asks, and only the columns that the query needs; about 50,000
telegrams at a time, so that an archive of any size is read in bounded memory.
"""

from __future__ import annotations

from .tables.engines.polars import read_telegrams

__all__ = ["read_telegrams"]
