"""`mbus scan` and `mbus search`: what they find, in each format, and how they go on."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from commands import Mbus, one_line
from interrupting import asked, interrupt_after
from mbus_construct.simulator import SimulatedBus

SCANNED = ["5", "12", "20", "30"]
SEARCHED = {
    "0793534365321004",
    "1234567824400107",
    "2026000142040202",
    "3000041793153303",
    "3000052893153303",
}
NINETEEN = """
[bus]
[[meter]]
primary_address = 3
baudrate = 9600
identification_number = "12345678"
manufacturer = "PAD"
[[meter.record]]
quantity = "volume"
unit = "m³"
value = "1.000"
"""


# --- Scan


def test_scan(mbus: Mbus) -> None:
    run = mbus("scan", "sim:")
    assert run.code == 1  # two meters share address 30
    assert run.lines[:2] == [
        "address 5, 0793534365321004, LSE, heat meter (volume at return/outlet)",
        "address 12, 1234567824400107, PAD, water meter",
    ]
    assert [line.split(",")[0].split()[1] for line in run.lines] == SCANNED
    assert "shares address 30 with another meter" in run.lines[-1]
    assert one_line(run.err)
    assert "collision at address 30" in run.err
    assert "search by secondary address" in run.err


def test_scan_of_some_addresses(mbus: Mbus) -> None:
    run = mbus("scan", "sim:", "--addresses", "1-20, 12,5")
    assert (run.code, run.err) == (0, "")
    assert len(run.lines) == 3


def test_scan_as_json(mbus: Mbus) -> None:
    run = mbus("scan", "sim:", "--addresses", "5-12", "--format", "json")
    first, second = json.loads(run.out)
    assert (first["type"], first["primary_address"], first["secondary_address"]) == (
        "meter",
        5,
        "0793534365321004",
    )
    assert second["meter"]["identification_number"] == "12345678"
    assert second["baudrate"] == 2400
    run = mbus("scan", "sim:", "--addresses", "5-12", "-f", "ndjson")
    assert [json.loads(line) for line in run.lines] == [first, second]


def test_scan_as_csv(mbus: Mbus) -> None:
    run = mbus("scan", "sim:", "--addresses", "5-12", "-f", "csv")
    first, second = csv.DictReader(io.StringIO(run.out))
    assert first["primary_address"] == "5"
    assert first["device_type_name"] == "heat meter (volume at return/outlet)"
    assert (second["identification_number"], second["manufacturer"], second["version"]) == (
        "12345678",
        "PAD",
        "1",
    )


@pytest.mark.parametrize(
    ("format_", "out"), [("text", ""), ("json", "[]\n"), ("ndjson", ""), ("csv", "primary")]
)
def test_scan_finds_nobody(mbus: Mbus, format_: str, out: str) -> None:
    run = mbus("scan", "sim:", "--addresses", "100-110", "-f", format_)
    assert run.code == 1
    assert run.out.startswith(out)
    assert bool(run.out) is bool(out)
    assert one_line(run.err)
    assert "mbus doctor sim:" in run.err


def test_scan_at_several_rates(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "bus.toml"
    file.write_text(NINETEEN + NINETEEN.replace("[bus]", "").replace("= 3", "= 4").replace("9600", "2400"))
    run = mbus("scan", f"sim:{file}", "--addresses", "1-9", "-b", "2400", "-b", "9600")
    assert run.code == 0
    assert [line.split(", ")[0] for line in run.lines] == ["address 4", "address 3"]
    assert [line.split(", ")[-1] for line in run.lines] == ["2400 baud", "9600 baud"]


@pytest.mark.parametrize("text", ["251", "7-5", "abc", "1-", ""])
def test_addresses_that_are_none(mbus: Mbus, text: str) -> None:
    run = mbus("scan", "sim:", "--addresses", text)
    assert run.code == 2
    assert one_line(run.err)


def test_thorough_asks_the_silent_again(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = asked(monkeypatch)
    mbus("scan", "sim:", "--addresses", "98-99", "--thorough")
    assert [request.a_field for request in requests] == [98, 99, 98, 98, 99, 99]
    requests.clear()
    mbus("scan", "sim:", "--addresses", "98-99", "--no-thorough")
    assert [request.a_field for request in requests] == [98, 99]


# --- Search


def test_search(mbus: Mbus) -> None:
    run = mbus("search", "sim:")
    assert (run.code, run.err) == (0, "")
    assert {line.split(", ")[1] for line in run.lines} == SEARCHED


@pytest.mark.parametrize("mask", ["3000FFFF", "3000*", "3000????", "3000FFFFFFFFFF03"])
def test_search_below_a_mask(mbus: Mbus, mask: str) -> None:
    run = mbus("search", "sim:", mask)
    assert run.code == 0
    assert {line.split(", ")[1][:8] for line in run.lines} == {"30000417", "30000528"}


def test_quick_search(mbus: Mbus) -> None:
    run = mbus("search", "sim:", "--quick")
    assert {line.split(", ")[1] for line in run.lines} == SEARCHED


def test_search_reports_twins(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "bus.toml"
    twin = '[[meter]]\nprimary_address = 3\nidentification_number = "12345678"\nmanufacturer = "PAD"\n'
    twin += '[[meter.record]]\nquantity = "volume"\nunit = "m³"\nvalue = "{}.000"\n'
    file.write_text(twin.format(1) + twin.format(2))
    run = mbus("search", f"sim:{file}", "-f", "json")
    assert run.code == 1
    assert "several meters have this same secondary address" in run.err
    assert json.loads(run.out) == []


@pytest.mark.parametrize("format_", ["lines", "json", "ndjson", "csv"])
def test_known_meters_first(
    mbus: Mbus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, format_: str
) -> None:
    file = tmp_path / "known"
    if format_ == "lines":
        file.write_text("# my meters\n07935343\n1234567824400107  # water\n")
    else:
        file.write_text(mbus("search", "sim:", "12345678", "-f", format_).out)
    requests = asked(monkeypatch)
    run = mbus("search", "sim:", "--known", file, "--only-known")
    assert (run.code, run.err) == (0, "")
    assert len(run.lines) == (2 if format_ == "lines" else 1)
    assert len(requests) <= 6
    run = mbus("search", "sim:", "--known", file)
    assert {line.split(", ")[1] for line in run.lines} == SEARCHED


def test_a_known_meter_that_is_gone(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text("99999999\n12345678\n")
    run = mbus("search", "sim:", "--known", file, "--only-known")
    assert run.code == 1
    assert len(run.lines) == 1
    assert "99999999FFFFFFFF: known, but it does not answer" in run.err


@pytest.mark.parametrize("content", ["", "hello\n", '[{"type": "meter"}]', "{broken", b"\xff\xfe\xfd"])
def test_known_files_that_are_none(mbus: Mbus, tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "known"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    run = mbus("search", "sim:", "--known", file)
    assert run.code == 2
    assert one_line(run.err)
    assert "known" in run.err


@pytest.mark.parametrize(
    "arguments",
    [["0793"], ["--only-known"], ["--known", "no/such/file"], ["XYZ"], ["-b", "1000"], ["--retries", "-1"]],
)
def test_search_used_wrongly(mbus: Mbus, arguments: list[str]) -> None:
    run = mbus("search", "sim:", *arguments)
    assert run.code == 2
    assert one_line(run.err)


# --- States


@pytest.mark.parametrize("command", ["scan", "search"])
@pytest.mark.parametrize("reads", [3, 20, 40, 55])
def test_it_goes_on_after_an_interrupt(mbus: Mbus, tmp_path: Path, command: str, reads: int) -> None:
    whole = mbus(command, "sim:")
    state = tmp_path / "state"
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, reads)
        first = mbus(command, "sim:", "--state", state)
    assert first.code == 130
    assert f"goes on from {state}" in first.err
    assert set(first.lines) <= set(whole.lines)
    assert json.loads(state.read_text())["what"]["command"] == command
    second = mbus(command, "sim:", "--state", state)
    assert second.code == whole.code
    assert "going on" in second.err
    assert sorted(second.lines) == sorted(whole.lines)
    assert second.lines[: len(first.lines)] == first.lines
    assert ("collision" in second.err) is (command == "scan")
    third = mbus(command, "sim:", "--state", state)
    assert (third.code, third.lines) == (second.code, second.lines)
    assert "complete" in third.err
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_nothing_is_asked_twice(mbus: Mbus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    requests = asked(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 30)
        mbus("scan", "sim:", "--state", tmp_path / "state", "--addresses", "0-29")
    mbus("scan", "sim:", "--state", tmp_path / "state", "--addresses", "0-29")
    pings = [request.a_field for request in requests if request.c_name == "SND_NKE" and request.a_field < 250]
    assert set(pings) == set(range(30))
    assert len(pings) <= 31  # the one that was under way


def test_json_is_whole_after_an_interrupt(mbus: Mbus) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 45)
        run = mbus("scan", "sim:", "-f", "json")
    assert run.code == 130
    assert [item["primary_address"] for item in json.loads(run.out)] == [5, 12]


def test_a_search_that_is_interrupted_deselects(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = asked(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 40)
        assert mbus("search", "sim:").code == 130
    assert (requests[-1].c_name, requests[-1].a_field) == ("SND_NKE", 253)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nothing", "is no state"),
        ("[]", "is no state"),
        ('{"version": 99}', "is no state"),
        (None, "addresses differs"),
    ],
)
def test_states_that_do_not_fit(mbus: Mbus, tmp_path: Path, content: str | None, words: str) -> None:
    state = tmp_path / "state"
    if content is None:
        mbus("scan", "sim:", "--addresses", "5", "--state", state)
    else:
        state.write_text(content)
    before = state.read_text()
    run = mbus("scan", "sim:", "--addresses", "6", "--state", state)
    assert run.code == 2
    assert one_line(run.err)
    assert words in run.err
    assert state.read_text() == before


def test_a_state_that_cannot_be_written(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("scan", "sim:", "--addresses", "5", "--state", tmp_path / "no" / "state")
    assert run.code == 2
    assert one_line(run.err)
    assert "cannot be written" in run.err


def test_meters_are_written_as_they_are_found(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line is out long before the scan ends."""
    transmit = SimulatedBus.transmit
    seen: dict[int, str] = {}

    def noted(bus: SimulatedBus, octets: bytes, *arguments: Any, **options: Any) -> None:
        if len(octets) == 5:
            seen.setdefault(octets[2], mbus.capsys.readouterr().out)
        transmit(bus, octets, *arguments, **options)

    monkeypatch.setattr(SimulatedBus, "transmit", noted)
    mbus("scan", "sim:", "--addresses", "5-8")
    assert seen[6].startswith("address 5, ")


def test_what_search_prints_is_known(mbus: Mbus, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("# of yesterday\n" + mbus("search", "sim:").out)
    run = mbus("search", "sim:", "--known", known, "--only-known")
    assert (run.code, run.err) == (0, "")
    assert {line.split(", ")[1] for line in run.lines} == SEARCHED


def test_an_interrupt_is_told(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 20)
    run = mbus("scan", "sim:", "-f", "json")
    assert (run.code, run.err) == (130, "mbus: scan interrupted; what is written so far is not all\n")
