"""Decode a conformance corpus: JSON lines with `id` and `hex` in, the candidate lines of its scorer out.

    python tools/corpus_candidates.py CORPUS.jsonl > CANDIDATES.jsonl

`error` is the refusal, or the first diagnostic of severity "error". An entry's `key` opens it. The corpus is
read
twice: first for the formats that its full frames teach, for compact frames stand in front of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from mbus_construct import MBusError, Receiver, Record, Telegram
from mbus_construct.model.json_values import json_value
from mbus_construct.receiving.formats import Formats

# The corpus writes some units in ASCII.
ASCII_UNITS = str.maketrans("³", "3")


def candidate(line: str, formats: Formats | None = None) -> dict[str, Any]:
    """What the decoder makes of one line of the corpus; `formats` are those that it has learned."""
    entry = json.loads(line)
    try:
        telegram = Receiver(entry.get("key"), formats).decode(bytes.fromhex(entry["hex"]))
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
    filled = [line for line in lines if line.strip()]
    formats = Formats()
    for line in filled:
        candidate(line, formats)
    return (candidate(line, formats) for line in filled)


def main(corpus: TextIO, output: TextIO) -> None:
    """Write the candidates of a corpus."""
    output.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in candidates(corpus))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as corpus_file:
        main(corpus_file, sys.stdout)
