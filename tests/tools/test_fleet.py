"""The fleet maker: what it changes, what it leaves, and that a seed gives the same fleet again."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from checkout import ENVIRONMENT, ROOT
from mbus_construct import MBusError, decode
from mbus_construct.decoding.plans import plan_for
from telegrams import README_TELEGRAM
from vectors import FRAMES

np = pytest.importorskip("numpy", reason='the fleet maker needs NumPy: pip install -e ".[arrow]"')

COUNT = 5000


@pytest.fixture(scope="module")
def fleet() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        return importlib.import_module("fleet")


@pytest.fixture(scope="module")
def made(fleet) -> Any:
    return fleet.made_fleet(malformed=0.01)


def errors(octets: bytes) -> list[str]:
    """What is wrong with a telegram."""
    try:
        diagnostics = decode(octets, link="frame").diagnostics
    except MBusError as error:
        return [str(error)]
    return [str(remark) for remark in diagnostics if remark.severity == "error"]


def layout(octets: bytes) -> tuple[int, int, int]:
    """What is no data in a telegram."""
    plan = plan_for(octets)
    assert plan is not None
    return len(octets), plan.mask, int.from_bytes(octets, "little") & plan.mask


def test_layouts_are_those_of_meters(made) -> None:
    assert len({layout(item.octets) for item in made.layouts}) == len(made.layouts) == 64
    counts = [len(decode(item.octets).records) for item in made.layouts]
    assert all(104 <= len(item.octets) <= 120 for item in made.layouts)
    assert 12.5 <= sum(counts) / len(counts) <= 13.5
    fields = Counter(record.data_field for item in made.layouts for record in decode(item.octets).records)
    assert {f"{digits} digit BCD" for digits in (4, 6, 8, 12)} <= {*fields}
    assert {f"{bits} bit integer" for bits in (8, 16, 24, 32, 48)} <= {*fields}


def test_only_data_change_and_everything_is_read(made) -> None:
    (block,) = made.blocks(COUNT)
    layouts = [layout(item.octets) for item in made.layouts]
    values: dict[int, set[object]] = {}
    for octets, number, bad in zip(
        block.telegrams(), block.layouts.tolist(), block.malformed.tolist(), strict=True
    ):
        assert bool(errors(octets)) == bad
        if bad:
            continue
        assert layout(octets) == layouts[number]
        telegram = decode(octets)
        assert not telegram.diagnostics
        assert {record.state for record in telegram.records} == {"ok"}
        values.setdefault(number, set()).add((telegram.meter, telegram.records[0].value))
        for record in telegram.records:
            assert not isinstance(record.value, str) or record.value.isprintable()
    assert len(values) == 64
    assert all(len(different) > 1 for different in values.values())


def test_corrupted_share(made, fleet) -> None:
    blocks = list(made.blocks(100_000, 30_000))
    assert [len(block.telegrams()) for block in blocks] == [30_000, 30_000, 30_000, 10_000]
    corrupted = sum(int(block.malformed.sum()) for block in blocks)
    assert 800 <= corrupted <= 1200
    whole = fleet.Fleet(made.layouts, malformed=0)
    assert not any(block.malformed.any() for block in whole.blocks(1000))
    shares = np.bincount(np.concatenate([block.layouts for block in blocks]), minlength=64)
    assert shares.min() > 1200


def test_a_seed_gives_the_same_fleet(made, fleet) -> None:
    again = fleet.made_fleet(malformed=0.01)
    assert made.telegrams(COUNT) == again.telegrams(COUNT)
    assert made.telegrams(COUNT) != fleet.made_fleet(seed=2, malformed=0.01).telegrams(COUNT)
    drawn = next(made.blocks(COUNT)).layouts.tolist()
    assert drawn != sorted(drawn)


def test_layouts_of_frames(fleet, tmp_path: Path) -> None:
    source = tmp_path / "frames.jsonl"
    lines = [octets.hex() for octets in FRAMES] + [json.dumps({"hex": README_TELEGRAM.hex()}), ""]
    source.write_text("\n".join(lines), encoding="utf-8")
    made = fleet.made_fleet(source, layouts=8, malformed=0)
    assert README_TELEGRAM in [item.octets for item in made.layouts]
    assert len(made.layouts) == 8
    assert not any(errors(octets) for octets in made.telegrams(2000))
    source.write_text("68 not hex\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"frames\.jsonl:1: neither hex digits nor JSON"):
        fleet.made_fleet(source)


def test_flood_of_malformed_telegrams(made, fleet) -> None:
    count = 20 * len(fleet.FAULTS)
    flood = list(fleet.flood_of_malformed(made, count))
    assert len(flood) == count
    assert all(errors(octets) for octets in flood)
    assert flood == list(fleet.flood_of_malformed(made, count))
    refused = sum(not right_frame(octets) for octets in flood)
    assert refused == 120  # six faults of ten are the link layer's


def right_frame(octets: bytes) -> bool:
    """Whether start, length, check sum and stop are right."""
    return (
        octets[:1] + octets[3:4] + octets[-1:] == b"\x68\x68\x16"
        and octets[1] == octets[2] == len(octets) - 6
        and sum(octets[4:-2]) & 0xFF == octets[-2]
    )


def test_flood_of_layouts(fleet) -> None:
    flood = list(fleet.many_layouts(2000, 1))
    assert len({layout(octets) for octets in flood}) == len(flood) == 2000
    assert not any(errors(octets) for octets in flood)
    assert flood == list(fleet.many_layouts(2000, 1))


def run(*arguments: str | Path) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "fleet.py", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    return done.stdout, done.stderr


def test_hex_lines(made, fleet) -> None:
    out, err = run("-n", "300", "-o", "-", "--malformed", "0.01")
    assert [bytes.fromhex(line) for line in out.splitlines()] == made.telegrams(300)
    assert err.startswith("300 telegrams of 64 layouts, ")
    assert err.endswith(" corrupted\n")
    out, err = run("-n", "30", "-o", "-", "--flood", "layouts")
    assert len({*out.splitlines()}) == 30
    assert err == "30 telegrams of 30 layouts\n"


def test_parquet(made, fleet, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason='Parquet needs pip install -e ".[arrow]"')
    run("-n", "300", "-o", tmp_path / "fleet.parquet", "--malformed", "0.01")
    table = parquet.read_table(tmp_path / "fleet.parquet")
    assert table.column_names == ["telegram"]
    assert table.column(0).to_pylist() == made.telegrams(300)
    run("-n", "30", "-o", tmp_path / "flood.parquet", "--flood", "malformed")
    flood = parquet.read_table(tmp_path / "flood.parquet").column("telegram").to_pylist()
    assert flood == list(fleet.flood_of_malformed(made, 30))
