"""Decode a conformance corpus: JSON lines with `id` and `hex` in, the candidate lines of its scorer out.

    python tools/corpus_candidates.py CORPUS.jsonl > CANDIDATES.jsonl

`error` is the refusal, or the first diagnostic of severity "error".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from mbus_construct import MBusError, Record, Telegram, decode
from mbus_construct.json_values import json_value

# The corpus writes some units in ASCII.
ASCII_UNITS = str.maketrans("³", "3")


def candidate(line: str) -> dict[str, Any]:
    """What the decoder makes of one line of the corpus."""
    entry = json.loads(line)
    try:
        telegram = decode(bytes.fromhex(entry["hex"]))
    except MBusError as error:
        return {"id": entry["id"], "error": str(error), "records": []}
    except Exception as error:  # noqa: BLE001  the scorer counts crashes
        return {"id": entry["id"], "error": repr(error), "crash": True, "records": []}
    return {
        "id": entry["id"],
        "error": first_error(telegram),
        "records": [record_line(r) for r in telegram.records],
    }


def first_error(telegram: Telegram) -> str | None:
    """The first diagnostic of severity "error" as text."""
    return next((str(d) for d in telegram.diagnostics if d.severity == "error"), None)


def record_line(record: Record) -> dict[str, Any]:
    """The fields of a record that the scorer compares."""
    value = json_value(record.value)
    return {
        "function": record.function,
        "storage": record.storage_number,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "value": value if value is None else str(value),
        "unit": (record.unit or "").translate(ASCII_UNITS),
    }


def candidates(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The candidate of every line that is not blank."""
    return (candidate(line) for line in lines if line.strip())


def main(corpus: TextIO, output: TextIO) -> None:
    """Write the candidates of a corpus."""
    output.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in candidates(corpus))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as corpus_file:
        main(corpus_file, sys.stdout)
