"""NDJSON and JSON: objects with a telegram under one key, one a line or in a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from .pyarrow_import import json as pajson
from .pyarrow_import import pa
from .rows import Fault, Rows, Wanted, column_of, is_broken, numbers, shown

if TYPE_CHECKING:
    from .streams import Lines

# Objects in which the keys are looked for.
_SAMPLE: Final = 100

# A document is read at once, other than lines.
_LONGEST: Final = 128 << 20


def read(blocks: Iterator[Lines], wanted: Wanted) -> Iterator[Rows]:
    """The objects of NDJSON. Raises `ValueError` where no key of the first ones holds telegrams."""
    column = None
    for block in blocks:
        if column is None:
            column = _column(islice((item for _, item in _objects(block)), _SAMPLE), wanted)
        yield _fast(block, column, wanted) or _rows(_objects(block), column, wanted)


def read_document(stream: Any, wanted: Wanted) -> Iterator[Rows]:
    """The objects of one JSON document, an object or a list of them; the rows count from 1."""
    octets = bytes(stream.read(_LONGEST + 1))
    stream.read(1)  # where a packed file is cut off, this says so
    if len(octets) > _LONGEST:
        raise ValueError(f"a JSON document of more than {_LONGEST >> 20} MB; write NDJSON, one object a line")
    try:
        document = json.loads(octets)  # in UTF-8, -16 or -32
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from error
    items = _items(document)
    column = _column(items[:_SAMPLE], wanted)
    for start in range(0, len(items), 1 << 16):
        part = items[start : start + (1 << 16)]
        yield _rows(enumerate(part, start + 1), column, wanted)


def _column(items: Iterable[Any], wanted: Wanted) -> str:
    """The key with the telegrams. A key need not be in every object: what is kept may come later."""
    objects = (_object(item) or {} for item in items)
    names = dict.fromkeys(key for item in objects for key in item)
    return column_of([*names, *(name for name in wanted.others if name not in names)], wanted)


def _objects(block: Lines) -> Iterator[tuple[int, Any]]:
    """What each line holds, with its number; a `Fault` for what is no JSON."""
    lines = block.octets.decode("utf-8", errors="surrogateescape").split("\n")
    for number, line in enumerate(lines, block.first):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                yield number, Fault(f"no JSON: {error}", "json")


def _fast(block: Lines, column: str, wanted: Wanted) -> Rows | None:
    """The block by pyarrow; None where a line is no object, or a value no string."""
    fields = [pa.field(name, pa.string()) for name in dict.fromkeys((column, *wanted.others))]
    try:
        table = pajson.read_json(
            pa.py_buffer(block.octets),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(block.octets) + 1),
            parse_options=pajson.ParseOptions(
                explicit_schema=pa.schema(fields),
                newlines_in_values=False,
                unexpected_field_behavior="ignore",
            ),
        )
        table.validate(full=True)  # text is not looked at before
    except pa.ArrowInvalid:
        return None
    lines = block.octets.count(b"\n") + (not block.octets.endswith(b"\n"))
    if table.num_rows != lines:
        return None
    return Rows(
        table.column(column).combine_chunks(),
        numbers(block.first, lines),
        keep={name: table.column(name).combine_chunks() for name in wanted.others},
    )


def _rows(objects: Iterable[tuple[int, Any]], column: str, wanted: Wanted) -> Rows:
    places: list[int] = []
    telegrams: list[str | None] = []
    faults: dict[int, Fault] = {}
    keep: dict[str, list[str | None]] = {name: [] for name in wanted.others}
    lost: list[tuple[int, str]] = []
    for index, (number, found) in enumerate(objects):
        known = _object(found)
        item = known or {}
        telegram = item.get(column)
        if isinstance(found, Fault):
            faults[index] = found
        elif known is None:
            faults[index] = Fault("no JSON object", "json")
        elif not isinstance(telegram, str):
            what = f"no {column!r} in the object" if telegram is None else f"{column!r} is no string of hex"
            faults[index] = Fault(what, "empty" if telegram is None else "hex")
        places.append(number)
        telegrams.append(None if index in faults else shown(telegram))
        for name, values in keep.items():
            text = _text(item.get(name))
            if text is not None and is_broken(text):
                lost.append((number, name))
                text = None
            values.append(text)
    return Rows(
        pa.array(telegrams, pa.string()),
        pa.array(places, pa.int64()),
        faults,
        {name: pa.array(values, pa.string()) for name, values in keep.items()},
        lost,
    )


def _items(document: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", document) if isinstance(document, list) else [document]


def _object(item: Any) -> Mapping[str, Any] | None:
    return cast("dict[str, Any]", item) if isinstance(item, dict) else None


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
