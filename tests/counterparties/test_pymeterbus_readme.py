"""The examples of pyMeterBus's own README, as installed, with the import line changed.

Beside it change what belongs to the machine and the year: the name of the port, and a print statement of Python 2.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from mbus_construct.simulator.bus import SimulatedBus
from mbus_construct.simulator.listener import Listener
from mbus_construct.simulator.meters import SimulatedMeter
from telegrams import README_TELEGRAM

try:
    README = str(metadata("pyMeterBus").get_payload())
except PackageNotFoundError:
    pytest.skip("pyMeterBus is not installed: pip install pyMeterBus==0.8.5", allow_module_level=True)

EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def run(example: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What an example prints."""
    source, changed = re.subn(
        r"^import meterbus$", "from mbus_construct import meterbus", example, flags=re.MULTILINE
    )
    assert changed == 1
    source = re.sub(r"^print (?!\()(.*)$", r"print(\1)", source, flags=re.MULTILINE)
    exec(compile(source, "README", "exec"), {"__name__": "__main__"})  # noqa: S102  it is what is tested
    return capsys.readouterr().out


def test_both_examples_are_there() -> None:
    assert len(EXAMPLES) == 2


def test_decode_the_value_of_a_single_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EXAMPLES[0], capsys) == "2014-02-19T11:18\n"


def test_request_a_frame_over_serial(capsys: pytest.CaptureFixture[str]) -> None:
    with Listener(SimulatedBus([SimulatedMeter(1, [README_TELEGRAM])]), "pty:") as listener:
        out = run(EXAMPLES[1].replace("/dev/ttyACM0", listener.url), capsys)
    body = json.loads(out)["body"]
    assert body["header"]["manufacturer"] == "LSE"
    assert [record["value"] for record in body["records"][:3]] == [1400, 2.013, 116643600]
    assert '"value": 2.013\n' in out  # and not 2.0129999999999999005240169935859739780426025390625
