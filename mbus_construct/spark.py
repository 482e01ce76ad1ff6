"""Telegrams of a Spark DataFrame, decoded where the data is. Needs the extra `spark`; see docs/spark.md.

    telegrams (DataFrame) -> mapInArrow(decode_batch) -> long table (DataFrame)
                          -> mapInArrow(decode_batch, Parquet) -> manifest (DataFrame)

The second way writes inside the tasks, so that no row is handed back to the JVM: more than twice as fast
where the rows go to files anyway. A task that Spark repeats writes a file of its own again; the manifest
names the files of the attempts that counted, and nothing else is read.
"""

from __future__ import annotations

from .tables.engines.spark import decode_telegrams, manifest_files, read_manifest

__all__ = ["decode_telegrams", "manifest_files", "read_manifest"]
