"""CSV: pyarrow's reader for blocks whose lines are rows, and Python's where a line is not.

A line with too few or too many cells, a quote that is never closed, a cell over several lines, a blank line:
then the block is read once more, row by row, so that no row costs another and each has its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .pyarrow_import import csv as pacsv
from .pyarrow_import import pa
from .rows import Rows, Wanted, column_of, is_broken, numbers, shown
from .streams import Lines

_DELIMITERS: Final = ",;\t"

# A cell between quotes has at most so many lines; a quote that is not closed by then never is.
_LINES_OF_CELL: Final = 40

_FIELD_LIMIT: Final = 64 << 20

_NO_CELLS: Final[list[str]] = []


class _Header(NamedTuple):
    """The first row: the delimiter, the names, and which of them is what."""

    delimiter: str
    names: list[str]
    telegram: int
    keep: dict[str, int]


def read(blocks: Iterator[Lines], wanted: Wanted) -> Iterator[Rows]:
    """The rows of a CSV text with a header. Raises `ValueError` where no column of it holds telegrams."""
    header: _Header | None = None
    for block in blocks:
        rows = block
        if header is None:
            header, rows = _header(block, wanted)
        if rows.octets:
            yield _fast(rows, header) or _slow(rows, header)
    if header is None:
        raise ValueError("empty: no telegram in it")


def _header(block: Lines, wanted: Wanted) -> tuple[_Header, Lines]:
    """The header, and the lines behind it."""
    lines = block.octets.split(b"\n", 1)
    first, behind = block.first, lines[1] if len(lines) > 1 else b""
    while not lines[0].strip() and behind:
        lines = behind.split(b"\n", 1)
        first, behind = first + 1, lines[1] if len(lines) > 1 else b""
    line = lines[0].decode("utf-8", errors="backslashreplace").rstrip("\r")
    rows = [(delimiter, _cells(line, delimiter, quoted=True)) for delimiter in _DELIMITERS]
    delimiter, cells = max(rows, key=lambda row: (_has_telegrams(row[1], wanted), len(row[1])))
    names = [cell.strip() for cell in cells]
    telegram = names.index(column_of(names, wanted))
    keep = {name: names.index(name) for name in wanted.others}
    return _Header(delimiter, names, telegram, keep), Lines(first + 1, behind)


def _has_telegrams(cells: Sequence[str], wanted: Wanted) -> bool:
    """Whether a column with telegrams is among these, by its name."""
    names = [*(cell.strip() for cell in cells), ""]  # a second one: the only one would do by whatever name
    try:
        column_of(names, wanted.alone)
    except ValueError:
        return False
    return True


def _fast(block: Lines, header: _Header) -> Rows | None:
    """The block by pyarrow; None where a line is not a row."""
    # Names are given by place: what a file calls its columns need not be unique.
    places = {index: f"c{index}" for index in {header.telegram, *header.keep.values()}}
    try:
        table = pacsv.read_csv(
            pa.py_buffer(block.octets),
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=len(block.octets) + 1,
                column_names=[f"c{index}" for index in range(len(header.names))],
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=header.delimiter, newlines_in_values=b'"' in block.octets
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(places.values()),
                column_types=dict.fromkeys(places.values(), pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    lines = block.octets.count(b"\n") + (not block.octets.endswith(b"\n"))
    if table.num_rows != lines:
        return None
    columns = {index: table.column(name).combine_chunks() for index, name in places.items()}
    return Rows(
        columns[header.telegram],
        numbers(block.first, lines),
        keep={name: columns[index] for name, index in header.keep.items()},
    )


def _slow(block: Lines, header: _Header) -> Rows:
    """The block row by row."""
    if csv.field_size_limit() < _FIELD_LIMIT:
        csv.field_size_limit(_FIELD_LIMIT)
    places: list[int] = []
    cells: dict[int, list[str | None]] = {index: [] for index in {header.telegram, *header.keep.values()}}
    for number, row in _rows(block, header):
        places.append(number)
        for index, column in cells.items():
            column.append((row[index] or None) if index < len(row) else None)
    lost: list[tuple[int, str]] = []
    for name, index in header.keep.items():
        if index != header.telegram:
            broken = [at for at, cell in enumerate(cells[index]) if cell is not None and is_broken(cell)]
            lost += [(places[at], name) for at in broken]
            for at in broken:
                cells[index][at] = None
    columns = {index: pa.array(map(shown, column), pa.string()) for index, column in cells.items()}
    return Rows(
        columns[header.telegram],
        pa.array(places, pa.int64()),
        keep={name: columns[index] for name, index in header.keep.items()},
        lost=lost,
    )


def _rows(block: Lines, header: _Header) -> Iterator[tuple[int, list[str]]]:
    """Each row with its line."""
    lines = block.octets.decode("utf-8", errors="surrogateescape").split("\n")
    index = 0
    while index < len(lines):
        line = lines[index].rstrip("\r")
        end = index + 1
        if line.count('"') % 2:
            end = _closed(lines, index, header)
            line = "\n".join(lines[index:end])
        if line.strip():
            broken = line.count('"') % 2 == 1
            yield block.first + index, _cells(line, header.delimiter, quoted=not broken)
        index = end


def _closed(lines: Sequence[str], index: int, header: _Header) -> int:
    """Behind which line the cell is closed that this line opens; behind the line itself where none is."""
    for end in range(index + 1, min(index + _LINES_OF_CELL, len(lines))):
        if lines[end].count('"') % 2:
            between = [_cells(line, header.delimiter, quoted=False) for line in lines[index + 1 : end]]
            # Whole rows between two quotes are rows: the quotes belong to nothing.
            whole = len(header.names) > 1 and any(len(cells) == len(header.names) for cells in between)
            return index + 1 if whole else end + 1
    return index + 1


def _cells(line: str, delimiter: str, *, quoted: bool) -> list[str]:
    if not quoted:
        return [cell.strip(' "') for cell in line.split(delimiter)]
    return next(csv.reader(line.splitlines(keepends=True), delimiter=delimiter), _NO_CELLS)
