"""Conversions that are killed, interrupted, lose a worker, or have little memory: the real command."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from checkout import ENVIRONMENT
from commands import program
from telegrams import response

pytestmark = pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps and the signals of POSIX")

COUNT = 2 * 65536 + 100  # telegrams: three pieces

# The command, which stands still when the first piece is done: what it was when it was killed is no accident.
HALTED = """
import time
from mbus_construct.cli import main
from mbus_construct.tables.files.conversion import Outcome

add = Outcome.add


def halt(outcome, report):
    add(outcome, report)
    print("halted", flush=True)
    time.sleep(600)


Outcome.add = halt
main()
"""

# The command, one of whose workers dies with pieces in hand.
WORKER_LOST = """
import os
import signal
from mbus_construct.cli import main
from mbus_construct.tables.files.pool import _Worker

give = _Worker.give


def give_and_kill(worker, piece):
    give(worker, piece)
    if len(worker.pieces) == 2:
        _Worker.give = give
        os.kill(worker.process.pid, signal.SIGKILL)


_Worker.give = give_and_kill
main()
"""


def archive_of(count: int, directory: Path) -> Path:
    """A file of short telegrams with different values, a damaged one in each thousand."""
    lines = [
        response(f"0C 13 {number % 100:02d} 00 00 00 02 5A {number % 256:02X} 00").hex()
        for number in range(1000)
    ]
    lines[500] = lines[500][:-6] + "0000"
    file = directory / "a.hex"
    whole, rest = divmod(count, 1000)
    file.write_text("\n".join(lines * whole + lines[:rest]) + "\n", encoding="ascii")
    return file


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(COUNT, tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def undisturbed(archive: Path) -> pa.Table:
    """What comes of it when nothing happens."""
    out = archive.parent / "undisturbed.parquet"
    program("convert", str(archive), "-o", str(out))
    return table(out)


def command(source: str, *arguments: str | Path) -> list[str]:
    """`mbus convert` by way of a few lines of Python."""
    return [sys.executable, "-c", source, "convert", *map(str, arguments)]


def halted(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """A conversion that has done its first piece and goes no further."""
    process = subprocess.Popen(
        command(HALTED, *arguments), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"halted\n"
    return process


def pieces(directory: Path) -> dict[int, list[str]]:
    """The files of the pieces that the manifest has."""
    items = [json.loads(line) for line in (directory / "_manifest.ndjson").read_text().splitlines()]
    return {item["piece"]: item["files"] for item in items if "piece" in item}


def table(path: Path) -> pa.Table:
    """What Parquet holds, whichever of its files has which words in its dictionaries."""
    read = parquet.read_table(path)
    plain = [
        item.with_type(item.type.value_type) if pa.types.is_dictionary(item.type) else item
        for item in read.schema
    ]
    return read.cast(pa.schema(plain))


def descendants(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(child) for child in found.stdout.split()]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def wait_until_gone(processes: list[int]) -> None:
    """Nobody is left behind."""
    end = time.monotonic() + 30
    while not all(is_gone(process) for process in processes):
        assert time.monotonic() < end
        time.sleep(0.01)


def close(process: subprocess.Popen[bytes]) -> bytes:
    _, err = process.communicate(timeout=60)
    return err


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_killed_conversion_goes_on(
    archive: Path, undisturbed: pa.Table, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "out"
    arguments = [str(archive), "-o", f"{out}/", "--workers", str(workers)]
    process = halted(*arguments)
    children = descendants(process.pid)
    process.kill()
    close(process)
    wait_until_gone(children)
    done = pieces(out)
    assert len(done) == 1
    for file in out.glob("part-*"):
        parquet.read_table(file)  # what has its name is whole
    before = {name: (out / name).stat().st_mtime_ns for names in done.values() for name in names}
    run = program("convert", *arguments)
    assert run.code == 1  # there are damaged telegrams
    assert "going on behind" in run.err
    assert f"{COUNT:,} telegrams" in run.err
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert sorted(os.listdir(out)) == ["_manifest.ndjson", *(f"part-{n:05d}.parquet" for n in range(3))]

    again = program("convert", *arguments)
    assert "everything is done already" in again.err
    assert again.code == 1
    assert table(out).equals(undisturbed)


@pytest.mark.parametrize(
    ("workers", "name"),
    [
        pytest.param(1, "out/", marks=pytest.mark.slow),
        (2, "out/"),
        (1, "out.parquet"),
        pytest.param(2, "out.parquet", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_all_at_once(archive: Path, tmp_path: Path, workers: int, name: str) -> None:
    process = halted(archive, "-o", f"{tmp_path}/{name}", "--workers", str(workers))
    children = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    err = close(process)
    assert process.returncode == 130
    if name == "out/":  # a piece that the manifest has is converted, even before anybody was told
        (done,) = pieces(tmp_path / "out")
        count = COUNT % 65536 if done == 2 else 65536
        said = f"interrupted: {count:,} telegrams converted; the same command goes on"
    else:
        said = "interrupted: nothing was written"
    assert err.decode() == f"mbus: {said}\n"
    wait_until_gone(children)
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith(".")]
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_one_file_begins_anew_after_a_kill(archive: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out.parquet"
    process = halted(archive, "-o", out, "--workers", str(workers))
    assert {path.is_dir() for path in tmp_path.glob(".out.parquet.*.partial")} == {False, workers > 1}
    children = descendants(process.pid)
    process.kill()
    close(process)
    wait_until_gone(children)
    assert not out.exists()
    run = program("convert", str(archive), "-o", str(out))
    assert "begins anew" in run.err
    assert os.listdir(tmp_path) == ["out.parquet"]
    assert parquet.ParquetFile(out).metadata.num_rows == 2 * COUNT - COUNT // 1000


@pytest.mark.slow
def test_a_lost_worker_costs_nothing(archive: Path, undisturbed: pa.Table, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = subprocess.run(
        command(WORKER_LOST, archive, "-o", f"{out}/", "--workers", "2"),
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert "ended by signal 9" in run.stderr
    assert run.returncode == 1
    assert f"{COUNT:,} telegrams" in run.stderr
    assert table(out).equals(undisturbed)


MEASURED = """
import resource, sys
from mbus_construct.cli import main
try:
    main()
finally:
    print("kilobytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        packed.write(b"hex\n" + archive_of(5 * 65536, tmp_path).read_bytes())
    run = subprocess.run(
        command(MEASURED, file, "-o", tmp_path / "out.parquet", "-q"),
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert run.returncode == 1
    assert int(run.stderr.rsplit("kilobytes", 1)[1]) < 1_000_000
