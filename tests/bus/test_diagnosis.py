"""The doctor: a finding for each fault, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from mbus_construct import Client
from mbus_construct.bus.diagnosis import Diagnosis, diagnose
from mbus_construct.bus.events import Event, Progress
from mbus_construct.simulator import FAULTS, Fault, SimulatedBus, SimulatedMeter, VirtualPort
from virtual import meter


def five() -> list[SimulatedMeter]:
    return [meter(number, f"1234567{number * 3 % 10}", delay=20 + number) for number in range(1, 6)]


def examined(bus: SimulatedBus, port: VirtualPort | None = None, **options: Any) -> tuple[Diagnosis, Client]:
    client = Client(port or VirtualPort(bus), **options)
    with client:
        diagnosis = client.run(diagnose(client.session))
    for finding in diagnosis.findings:
        assert finding.message
        assert finding.severity == "info" or finding.advice
    return diagnosis, client


def codes(bus: SimulatedBus, **options: Any) -> list[str]:
    return [finding.code for finding in examined(bus, **options)[0].findings]


def test_one_meter() -> None:
    diagnosis, client = examined(SimulatedBus([meter()]))
    assert diagnosis.healthy
    assert [finding.code for finding in diagnosis.findings] == ["answers"]
    assert (diagnosis.baudrate, diagnosis.timeout) == (2400, None)
    assert diagnosis.meter is not None
    assert diagnosis.meter.primary_address == 5
    assert diagnosis.slowest is not None
    assert 0 < diagnosis.slowest < 0.2
    assert client.port.now() < 8


def test_several_meters() -> None:
    diagnosis, client = examined(SimulatedBus(five()))
    assert diagnosis.healthy
    assert [finding.code for finding in diagnosis.findings] == ["several", "answers"]
    assert client.port.now() < 30


def test_nobody() -> None:
    diagnosis, client = examined(SimulatedBus())
    (finding,) = diagnosis.findings
    assert (finding.code, finding.severity) == ("silent", "error")
    for word in ("300, 600, 1200, 2400", "38400", "wires", "power", "8E1"):
        assert word in diagnosis.sentences()[0]
    assert not diagnosis.healthy
    assert client.port.now() < 45
    assert client.port.baudrate == 2400


def test_nobody_behind_a_converter_that_echoes() -> None:
    diagnosis, _ = examined(SimulatedBus(faults=["echo"]))
    assert [finding.code for finding in diagnosis.findings] == ["echo", "silent"]
    assert "look behind it" in diagnosis.findings[1].advice


@pytest.mark.parametrize("baudrate", [300, 1200, 9600, 38400])
def test_another_baud_rate(baudrate: int) -> None:
    diagnosis, client = examined(SimulatedBus([meter(baudrate=baudrate)]))
    assert [finding.code for finding in diagnosis.findings] == ["baudrate", "answers"]
    assert diagnosis.findings[0].advice == f"use -b {baudrate}"
    assert diagnosis.baudrate == baudrate
    assert client.port.baudrate == 2400


HARMLESS = {
    "fragments",
    "gap_in_frame",
    "ignores_fcb",
    "repeats_first_telegram",
    "acknowledges_unselected",
    "silent_to_deselection",
    "baud_switch_silent",
    "baud_switch_ignored",
    "no_enhanced_selection",
    "data_flow_control",
    "clean_ack_collision",
    "same_secondary_address",
    "garbled_collision",
}
ECHOES = {"echo", "corrupted_echo"}
EXPECTED = {
    "lost_request": "lost",
    "lost_reply": "lost",
    "late_reply": "late",
    "truncated": "damaged",
    "wrong_checksum": "damaged",
    "wrong_stop": "damaged",
    "wrong_length": "damaged",
    "other_address": "other_meter",
    "other_identification": "other_meter",
    "application_busy": "application_error",
    "stray_octets": "noise",
    "noise": "noise",
    "coalesced": "late",
    "needs_wake_up": "wake_up",
}
# Those of one meter that nothing shows: it is never selected, or the connection comes back.
UNSEEN = {"lost_select", "trailing_octet", "connection_dropped", "port_vanishes"}


def test_every_fault_has_its_place() -> None:
    assert HARMLESS | ECHOES | set(EXPECTED) | UNSEEN | {"silent_collision"} == set(FAULTS)


@pytest.mark.parametrize("name", sorted(HARMLESS))
@pytest.mark.parametrize("meters", [1, 5])
def test_faults_that_do_no_harm_here(name: str, meters: int) -> None:
    bus = SimulatedBus([meter()] if meters == 1 else five(), faults=[name])
    assert codes(bus) == (["answers"] if meters == 1 else ["several", "answers"])


def test_collisions_that_are_heard_as_silence() -> None:
    assert codes(SimulatedBus([meter()], faults=["silent_collision"])) == ["answers"]
    assert "silent_collision" in codes(SimulatedBus(five(), faults=["silent_collision"]))


@pytest.mark.parametrize("name", sorted(ECHOES))
def test_echoes_are_no_fault(name: str) -> None:
    assert codes(SimulatedBus([meter()], faults=[name])) == ["echo", "answers"]


@pytest.mark.parametrize("name", sorted(EXPECTED))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faults_of_one_meter(name: str, seed: int) -> None:
    diagnosis, _ = examined(SimulatedBus([meter()], faults=[name], seed=seed))
    assert not diagnosis.healthy
    assert EXPECTED[name] in [finding.code for finding in diagnosis.findings]
    assert diagnosis.meter is not None


@pytest.mark.parametrize("name", sorted(set(FAULTS) - UNSEEN - HARMLESS - ECHOES))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faults_of_one_meter_in_ten_exchanges(name: str, seed: int) -> None:
    """What strikes now and then is seen or not, but never makes another finding than a fault has."""
    fault = Fault(name) if name == "needs_wake_up" else Fault(name, 0.1)
    diagnosis, _ = examined(SimulatedBus(five(), faults=[fault], seed=seed))
    assert diagnosis.meter is not None
    assert "silent" not in [finding.code for finding in diagnosis.findings]
    assert "baudrate" not in [finding.code for finding in diagnosis.findings]


def test_a_longer_time_is_recommended_and_helps() -> None:
    late = Fault("late_reply", seconds=(0.9, 1.0))
    diagnosis, _ = examined(SimulatedBus([meter()], faults=[late]))
    (finding,) = [finding for finding in diagnosis.findings if finding.code == "late"]
    assert diagnosis.timeout is not None
    assert finding.advice == f"use --timeout {diagnosis.timeout:g}"
    assert 1.3 < diagnosis.timeout < 2
    with Client(VirtualPort(SimulatedBus([meter()], faults=[late])), timeout=diagnosis.timeout) as bus:
        assert len(bus.read(5).records) == 2


def test_a_preamble_is_recommended_and_helps() -> None:
    bus = SimulatedBus([meter()], faults=["needs_wake_up"])
    assert codes(bus) == ["wake_up", "answers"]
    assert codes(SimulatedBus([meter()], faults=["needs_wake_up"]), wake_up=2.2) == ["answers"]


class Disturbed(VirtualPort):
    """A port that changes what comes, or adds to it."""

    def __init__(self, bus: SimulatedBus, mask: int = 0xFF, idle: bytes = b"", parity: str = "E") -> None:
        super().__init__(bus)
        self._mask = mask
        self._idle = idle
        self._parity = parity

    def write(self, octets: bytes) -> None:
        self.bus.transmit(octets, self.now(), self.baudrate, self._parity)

    def read(self, deadline: float) -> bytes:
        if self._idle:
            idle, self._idle = self._idle, b""
            return idle
        return bytes(octet & self._mask for octet in super().read(deadline))


def test_seven_data_bits() -> None:
    bus = SimulatedBus([meter()])
    diagnosis, _ = examined(bus, Disturbed(bus, mask=0x7F))
    assert [finding.code for finding in diagnosis.findings] == ["answers", "line_settings"]
    assert "even parity" in diagnosis.findings[1].advice
    assert "(65 65" in diagnosis.findings[1].message


def test_octets_of_nothing_but_zeros() -> None:
    bus = SimulatedBus([meter()])
    diagnosis, _ = examined(bus, Disturbed(bus, mask=0))
    assert [finding.code for finding in diagnosis.findings] == ["line_settings"]


def test_no_parity() -> None:
    bus = SimulatedBus([meter()])
    diagnosis, _ = examined(bus, Disturbed(bus, parity="N"))
    (finding,) = diagnosis.findings
    assert finding.code == "silent"
    assert "even parity (8E1)" in finding.advice


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        ("10 5B 07 62 16", "other_master"),
        ("01 02 03", "noise"),
        ("68 05 05 68 08 07 72 01 02 85 16", "noise"),
        ("68 03 03 68 08 07 70 7F 16", "foreign_traffic"),
    ],
)
def test_an_idle_bus_that_is_not_idle(octets: str, code: str) -> None:
    bus = SimulatedBus([meter()])
    diagnosis, _ = examined(bus, Disturbed(bus, idle=bytes.fromhex(octets)))
    assert [finding.code for finding in diagnosis.findings] == [code, "answers"]


def test_its_json_and_progress() -> None:
    events: list[Event] = []
    diagnosis, _ = examined(SimulatedBus([meter()]), on_event=events.append)
    assert diagnosis.to_dict()["verdicts"][0]["message"] == diagnosis.findings[0].message
    assert diagnosis.to_dict()["healthy"] is True
    steps = [event for event in events if isinstance(event, Progress)]
    assert len(steps) == len(events) > 5
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    assert all(step.done <= step.total for step in steps)


def test_no_meter_stays_selected() -> None:
    bus = SimulatedBus(five())
    examined(bus)
    assert not any(bus.is_selected(item.name) for item in bus.meters)
