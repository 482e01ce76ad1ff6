"""The benchmark: what it times and how it says so. Nothing here depends on how fast a machine is."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checkout import ENVIRONMENT, ROOT
from mbus_construct import decode

pytest.importorskip("numpy", reason='the benchmark needs NumPy: pip install -e ".[arrow]"')


@pytest.fixture(scope="module")
def tools() -> Any:
    names = (
        "fleet",
        "benchmark",
        *(f"benchmark_{part}" for part in ("peers", "table", "scale", "floods", "json", "chart")),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        return SimpleNamespace(
            **{name.removeprefix("benchmark_"): importlib.import_module(name) for name in names}
        )


def test_a_figure_says_whether_its_target_is_reached(tools, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tools.table.Figures()
    figures.at_least("ratio", 7.0, 6)
    figures.at_most("time", 4.0, 5, "ms")
    figures.close()
    out = capsys.readouterr().out
    assert out.count(" OK\n") == 2
    assert out.endswith("\nall targets reached\n")
    figures.at_least("ratio", 5.99, 6)
    figures.at_most("time", 5.01, 5, "ms")
    figures.close()
    out = capsys.readouterr().out
    assert out.count(" NOT REACHED\n") == 2
    assert out.endswith("\nnot reached: ratio; time\n")


def test_only_what_every_decoder_reads_is_timed(tools, capsys: pytest.CaptureFixture[str]) -> None:
    made = tools.fleet.made_fleet(layouts=6, malformed=0.05)
    lengths = {len(item.octets) for item in made.layouts}
    unwanted = min(lengths)

    def choosy(octets: bytes) -> object:
        if len(octets) == unwanted:
            raise ValueError("not this one")
        return octets

    peer = tools.peers.Peer(choosy, lambda octets: choosy(octets) is octets, 500)
    kept, tried = tools.peers.common(made, [peer], tools.table.Figures())
    assert {len(item.octets) for item in kept.layouts} == lengths - {unwanted}
    assert "left out" in capsys.readouterr().out
    assert {len(octets) for octets in tried} == lengths - {unwanted}
    assert all(decode(octets, link="frame").records for octets in kept.telegrams(200) + tried)
    nobody = tools.peers.Peer(choosy, lambda _: False, 50)
    with pytest.raises(SystemExit, match="no layout that every decoder reads"):
        tools.peers.common(made, [nobody], tools.table.Figures())


@pytest.mark.parametrize("module", ["pymbusparser", "meterbus"])
def test_peers_read_the_fleet(tools, module: str) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed")
    peer = getattr(tools.peers, {"pymbusparser": "_pymbusparser", "meterbus": "_pymeterbus"}[module])()
    made = tools.fleet.made_fleet(malformed=0)
    assert all(tools.peers.readable(peer, item.octets) for item in made.layouts)
    assert not tools.peers.readable(peer, made.layouts[0].octets[:-2] + b"\x00\x00")


def test_first_telegrams(tools) -> None:
    octets = [item.octets for item in tools.fleet.made_fleet(layouts=3).layouts]
    times = tools.benchmark.unseen(octets)
    assert len(times) == 3
    assert all(time > 0 for time in times)


def test_outcomes_of_a_flood(tools) -> None:
    made = tools.fleet.made_fleet(layouts=4, malformed=0)
    bad = list(tools.fleet.flood_of_malformed(made, 30))
    for run in (tools.floods._walk, tools.floods._decode):
        assert tools.floods._outcomes(run, bad + made.telegrams(50))[1:] == (50, 30)


def test_outcomes_of_a_flood_in_columns(tools) -> None:
    pytest.importorskip("pyarrow", reason='columns need pip install -e ".[arrow]"')
    made = tools.fleet.made_fleet(layouts=4, malformed=0)
    bad = list(tools.fleet.flood_of_malformed(made, 30))
    assert tools.floods._batches(bad + made.telegrams(50))[1:] == (50, 30)


def test_watching_a_command(tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A command that takes memory, and ends when that has been seen.
    enough, value_of = tmp_path / "enough", tools.scale._value
    source = f"import os\nmemory = bytearray(50_000_000)\nwhile not os.path.exists({str(enough)!r}): pass"

    def seen_value(path: Path, name: str) -> int:
        value = value_of(path, name)
        if name == "VmHWM" and value > 50_000:
            enough.touch()
        return value

    monkeypatch.setattr(tools.scale, "_value", seen_value)
    there = Path("/proc/self/status").exists()
    if not there:
        enough.touch()
    seen = tools.scale.watched([sys.executable, "-c", source])
    assert seen.seconds > 0
    assert seen.megabytes > 50 or not there
    with pytest.raises(RuntimeError, match="no good"):
        tools.scale.watched([sys.executable, "-c", "import sys; sys.exit('no good')"])


def test_json_rows(tools, capsys: pytest.CaptureFixture[str]) -> None:
    tools.json.main(tools.fleet.made_fleet(layouts=3), tools.table.Figures(), number=20)
    out = capsys.readouterr().out
    for name in ("to_json", "from_dict", "encode"):
        assert f"{name}: of decode's rate" in out


def test_steadiness(tools) -> None:
    steady = [(float(second), 100 * second) for second in range(13)]
    assert tools.scale.Watched(12.0, 1.0, steady).steadiness() == pytest.approx(1)
    slower = [*steady[:7], *((6 + 2 * step, 600 + 100 * step) for step in range(1, 7))]
    assert tools.scale.Watched(18.0, 1.0, slower).steadiness() == pytest.approx(0.5)
    assert tools.scale.Watched(1.0, 1.0, steady[:3]).steadiness() is None


def test_chart(tools, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    rates = {tools.peers.DECODE: 100_000.0, tools.peers.WALK: 10_000.0, tools.peers.LONG: 1_500_000.0}
    tools.chart.draw(rates, tmp_path / "docs" / "chart.png")
    first = (tmp_path / "docs" / "chart.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    tools.chart.draw(rates, tmp_path / "docs" / "chart.png")
    assert (tmp_path / "docs" / "chart.png").read_bytes() == first
    assert tools.chart._number(123_456.0) == "120,000"


def test_help() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "benchmark.py", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    for option in ("--scale", "--floods", "--spark", "--chart", "--json", "--bus"):
        assert option in done.stdout
