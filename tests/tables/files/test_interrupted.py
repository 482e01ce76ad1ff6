"""Conversions that are killed, interrupted, lose a worker, or have little memory: the real command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')

from pyarrow import parquet

from commands import ENVIRONMENT, program
from telegrams import response

pytestmark = pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps and the signals of POSIX")

COUNT = 4 * 65536 + 100  # telegrams: five pieces


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of short telegrams with different values, a damaged one in each thousand."""
    lines = [
        response(f"0C 13 {number % 100:02d} 00 00 00 02 5A {number % 256:02X} 00").hex()
        for number in range(1000)
    ]
    lines[500] = lines[500][:-6] + "0000"
    file = tmp_path_factory.mktemp("archive") / "a.hex"
    whole, rest = divmod(COUNT, 1000)
    file.write_text("\n".join(lines * whole + lines[:rest]) + "\n", encoding="ascii")
    return file


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mbus_construct", "convert", *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is so, as long as the process runs."""
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < end
        time.sleep(0.005)


def pieces(directory: Path) -> dict[int, list[str]]:
    """The files of the pieces that the manifest has."""
    items = [json.loads(line) for line in (directory / "_manifest.ndjson").read_text().splitlines()]
    return {item["piece"]: item["files"] for item in items if "piece" in item}


def manifest_has(directory: Path, count: int) -> Callable[[], bool]:
    path = directory / "_manifest.ndjson"
    return lambda: path.exists() and path.read_bytes().count(b'"piece"') >= count


def descendants(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(child) for child in found.stdout.split()]


def workers_of(pid: int) -> list[int]:
    """The processes that decode; there is another one that looks after them."""
    return [
        child for child in descendants(pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


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


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_conversion_goes_on(archive: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    command = ["convert", str(archive), "-o", f"{out}/", "--workers", str(workers)]
    process = start(*command[1:])
    wait_for(manifest_has(out, 1), process)
    children = descendants(process.pid)
    process.kill()
    close(process)
    wait_until_gone(children)
    done = pieces(out)
    assert 0 < len(done) < 5
    for file in out.glob("part-*"):
        parquet.read_table(file)  # what has its name is whole
    before = {name: (out / name).stat().st_mtime_ns for names in done.values() for name in names}
    run = program(*command)
    assert run.code == 1  # there are damaged telegrams
    assert "going on behind" in run.err
    assert f"{COUNT:,} telegrams" in run.err
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert sorted(os.listdir(out)) == ["_manifest.ndjson", *(f"part-{n:05d}.parquet" for n in range(5))]

    again = program(*command)
    assert "everything is done already" in again.err
    assert again.code == 1
    undisturbed = tmp_path / "undisturbed.parquet"
    program("convert", str(archive), "-o", str(undisturbed))
    assert parquet.read_table(out).equals(parquet.read_table(undisturbed))


@pytest.mark.parametrize(("workers", "name"), [(1, "out/"), (2, "out/"), (2, "out.parquet")])
def test_ctrl_c_ends_all_at_once(archive: Path, tmp_path: Path, workers: int, name: str) -> None:
    process = start(archive, "-o", f"{tmp_path}/{name}", "--workers", str(workers))
    if name == "out/":
        wait_for(manifest_has(tmp_path / "out", 1), process)
    else:
        wait_for(lambda: [*tmp_path.glob(".out.parquet.*.partial")], process)
    children = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    err = close(process)
    assert process.returncode == 130
    said = r"interrupted: [1-9][\d,]* telegrams converted; the same command goes on"
    if name == "out.parquet":
        said = "interrupted: nothing was written"
    assert re.fullmatch(f"mbus: {said}\n", err.decode())
    wait_until_gone(children)
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith(".")]
    assert not (tmp_path / "out.parquet").exists()


def test_parts_of_killed_workers_are_removed(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    process = start(archive, "-o", out, "--workers", "2")
    wait_for(lambda: [path for path in tmp_path.glob(".out.parquet.*.partial") if path.is_dir()], process)
    children = descendants(process.pid)
    process.kill()
    close(process)
    wait_until_gone(children)
    run = program("convert", str(archive), "-o", str(out))
    assert "begins anew" in run.err
    assert os.listdir(tmp_path) == ["out.parquet"]


def test_one_file_begins_anew_after_a_kill(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    process = start(archive, "-o", out)
    wait_for(lambda: [*tmp_path.glob(".out.parquet.*.partial")], process)
    process.kill()
    close(process)
    assert not out.exists()
    run = program("convert", str(archive), "-o", str(out))
    assert "begins anew" in run.err
    assert os.listdir(tmp_path) == ["out.parquet"]
    assert parquet.ParquetFile(out).metadata.num_rows == 2 * COUNT - COUNT // 1000


@pytest.mark.skipif(not Path("/proc").exists(), reason="workers are found in /proc")
def test_a_lost_worker_costs_nothing(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(archive, "-o", f"{out}/", "--workers", "2")
    wait_for(lambda: len(workers_of(process.pid)) == 2, process)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    err = close(process).decode()
    assert "ended by signal 9" in err
    assert process.returncode == 1
    assert f"{COUNT:,} telegrams" in err
    program("convert", str(archive), "-o", str(tmp_path / "one.parquet"))
    assert parquet.read_table(out).equals(parquet.read_table(tmp_path / "one.parquet"))


MEASURED = """
import resource, sys
from mbus_construct.cli import main
try:
    main()
finally:
    print("kilobytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_memory_is_bounded(archive: Path, tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415

    file = tmp_path / "a.csv.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        packed.write(b"hex\n" + archive.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "convert", str(file), "-o", str(tmp_path / "out.parquet"), "-q"],
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 1
    kilobytes = int(done.stderr.rsplit("kilobytes", 1)[1])
    assert kilobytes < 1_000_000
