"""The scripts mbus-serial-*.py: pyMeterBus's options and output lines, on the simulated bus."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from checkout import ENVIRONMENT, ROOT
from commands import one_line
from mbus_construct.cli import serial_tools
from mbus_construct.meterbus.yaml_text import yaml_text
from telegrams import README_TELEGRAM

Tool = Callable[[Sequence[str] | None], int]

SUMMARY = {
    "access_no": 202,
    "identification": "07935343",
    "manufacturer": "LSE",
    "medium": 4,
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(tool: Tool, *arguments: str) -> tuple[int, str, str]:
        try:
            code = tool(arguments)
        except SystemExit as ended:  # argparse
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def test_scan(run) -> None:
    code, out, err = run(serial_tools.scan, "sim:")
    assert code == 0
    lines = out.splitlines()
    assert {"Found a M-Bus device at address 5", "Found a M-Bus device at address 12"} <= {*lines}
    assert all(line.startswith("Found a M-Bus device at address ") for line in lines)
    assert "Traceback" not in err


def test_scan_secondary(run) -> None:
    code, out, _ = run(serial_tools.scan_secondary, "sim:")
    assert code == 0
    assert len(out.splitlines()) >= 4
    assert all(line.startswith("Device found with id ") for line in out.splitlines())
    code, out, _ = run(serial_tools.scan_secondary, "-a", "07FFFFFFFFFFFFFF", "sim:")
    assert (code, out) == (0, "Device found with id 0793534365321004 (LSE), using mask 07FFFFFFFFFFFFFF\n")


def test_a_scan_that_finds_nobody_is_done(run) -> None:
    assert run(serial_tools.scan_secondary, "-r", "0", "-a", "99FFFFFFFFFFFFFF", "sim:") == (0, "", "")


@pytest.mark.parametrize("address", ["5", "0793534365321004", "07935343"])
@pytest.mark.parametrize("tool", [serial_tools.request_data, serial_tools.request_data_multi_reply])
def test_request_json(run, tool: Tool, address: str) -> None:
    code, out, err = run(tool, "-a", address, "-o", "json", "sim:")
    assert (code, err) == (0, "")
    data = json.loads(out)
    records = data.pop("records")
    assert data == SUMMARY
    assert records[:2] == [{"unit": "Wh", "value": 1400}, {"unit": "m^3", "value": 2.013}]
    assert '"value": 2.013\n' in out
    assert list(json.loads(out)) == sorted(json.loads(out))


def test_request_dump_is_the_whole_telegram(run) -> None:
    code, out, _ = run(serial_tools.request_data, "-a", "5", "sim:")
    assert code == 0
    assert json.loads(out)["body"]["header"]["identification"] == "0x07, 0x93, 0x53, 0x43"
    assert run(serial_tools.request_data, "-a", "5", "-o", "dump", "sim:")[1] == out


def test_request_yaml(run) -> None:
    code, out, _ = run(serial_tools.request_data, "-a", "5", "-o", "yaml", "--echofix", "sim:")
    assert code == 0
    assert out.splitlines()[:8] == [
        "access_no: 202",
        'identification: "07935343"',
        'manufacturer: "LSE"',
        "medium: 4",
        "records:",
        '- unit: "Wh"',
        "  value: 1400",
        '- unit: "m^3"',
    ]
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    data = yaml.safe_load(out)
    assert data == json.loads(run(serial_tools.request_data, "-a", "5", "-o", "json", "sim:")[1])


def test_several_telegrams(run) -> None:
    _, one, err = run(serial_tools.request_data, "-a", "12", "-o", "json", "sim:")
    assert "the meter announces more" in err
    code, out, err = run(serial_tools.request_data_multi_reply, "-a", "12", "sim:")
    assert (code, err) == (0, "")
    assert len(json.loads(out)["records"]) > len(json.loads(one)["records"])
    code, dump, _ = run(serial_tools.request_data_multi_reply, "-a", "12", "-o", "dump", "sim:")
    assert len(json.loads(dump)["body"]["records"]) == len(json.loads(out)["records"])


def test_request_from_a_file(run, tmp_path: Path) -> None:
    file = tmp_path / "telegram.bin"
    file.write_bytes(README_TELEGRAM)
    code, out, _ = run(serial_tools.request_data, "-o", "json", str(file))
    assert code == 0
    assert json.loads(out)["identification"] == "07935343"
    file.write_bytes(b"\xe5")
    code, out, err = run(serial_tools.request_data, str(file))
    assert (code, out) == (1, "")
    assert "TelegramACK" in err
    assert one_line(err)
    file.write_bytes(README_TELEGRAM[:-2] + b"\x00\x16")
    code, _, err = run(serial_tools.request_data, str(file))
    assert code == 1
    assert one_line(err)


def test_debug_shows_what_goes_over_the_line(run) -> None:
    code, _, err = run(serial_tools.request_data, "-d", "-a", "5", "-o", "json", "sim:")
    assert code == 0
    assert "SEND (005) 10 40 05 45 16" in err
    assert "RECV (001) E5" in err
    assert "RECV (112) 68 6A 6A 68 08 05 72" in err


def test_a_meter_that_is_not_there(run) -> None:
    code, out, err = run(serial_tools.request_data, "-a", "77", "-r", "1", "sim:")
    assert (code, out) == (1, "")
    assert "address 77" in err
    assert one_line(err)


@pytest.mark.parametrize(
    "tool",
    [
        *(serial_tools.request_data, serial_tools.request_data_multi_reply),
        *(serial_tools.scan, serial_tools.scan_secondary),
    ],
)
def test_a_port_that_does_not_exist(run, tool: Tool) -> None:
    code, out, err = run(tool, "/dev/no-such-port")
    assert (code, out) == (1, "")
    assert "/dev/no-such-port" in err
    assert one_line(err)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (serial_tools.scan, []),
        (serial_tools.scan, ["-b", "17", "sim:"]),
        (serial_tools.scan, ["-r", "-1", "sim:"]),
        (serial_tools.request_data, ["-a", "777", "sim:"]),
        (serial_tools.request_data, ["-a", "nobody", "sim:"]),
        (serial_tools.request_data, ["-o", "xml", "sim:"]),
        (serial_tools.scan_secondary, ["-a", "5", "sim:"]),
    ],
)
def test_usage(run, tool: Tool, arguments: list[str]) -> None:
    code, out, err = run(tool, *arguments)
    assert (code, out) == (2, "")
    assert "error: " in err


def test_interrupted(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serial_tools.Client, "scan", interrupt)
    assert run(serial_tools.scan, "sim:") == (130, "", "")


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        ("mbus-serial-request-data.py", ["-a", "5", "-o", "json", "sim:"], '"identification": "07935343"'),
        ("mbus-serial-request-data-multi-reply.py", ["-a", "5", "sim:"], '"identification": "07935343"'),
        ("mbus-serial-scan.py", ["sim:"], "Found a M-Bus device at address 5\n"),
        ("mbus-serial-scan-secondary.py", ["-a", "07FFFFFFFFFFFFFF", "sim:"], "0793534365321004 (LSE)"),
    ],
)
def test_the_scripts(script: str, arguments: list[str], expected: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0
    assert expected in done.stdout


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": None}, "a: null\nb: 1"),
        ({"a": {"b": [1, 2], "c": []}}, "a:\n  b:\n  - 1\n  - 2\n  c: []"),
        ([{"b": Decimal("2.010"), "a": 'no: "x"\n- y'}], '- a: "no: \\"x\\"\\n- y"\n  b: 2.010'),
        ({}, "{}"),
    ],
)
def test_yaml(value: object, text: str) -> None:
    assert yaml_text(value, sort_keys=True) == text
