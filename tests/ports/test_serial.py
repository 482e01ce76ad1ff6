"""Serial ports on pseudo-terminals, and pyserial's other URLs."""

from __future__ import annotations

import errno
import os
import termios
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import serial
from serial.tools import list_ports

from far_ends import Clock, FarEnd, read, taken
from mbus_construct.errors import LocalProtocolError, TransportError
from mbus_construct.ports import errors, open_port, serial_port
from mbus_construct.ports.real_time import readable
from mbus_construct.ports.serial_port import SerialPort


def rate(line: FarEnd) -> int:
    return termios.tcgetattr(line.slave)[5]


def test_octets_go_both_ways_as_they_are(line: FarEnd) -> None:
    every = bytes(range(256))
    with closing(open_port(line.device, baudrate=38400)) as port:
        port.write(every)
        assert taken(line.master, 256) == every
        os.write(line.master, every)
        assert read(port, 256) == every


def test_a_read_ends_with_the_first_octets_or_at_the_deadline(line: FarEnd) -> None:
    with closing(SerialPort(line.device)) as port:
        deadline = port.now() + 0.05
        assert port.read(deadline) == b""
        assert port.now() >= deadline
        os.write(line.master, b"\xe5")
        deadline = port.now() + 60
        assert port.read(deadline) == b"\xe5"
        assert port.now() < deadline
        os.write(line.master, b"\xe5")
        assert readable([port._device], 60)
        assert port.read(port.now() - 1) == b"\xe5"  # what is there is given, however late it is


def test_the_baud_rate_reaches_the_line(line: FarEnd) -> None:
    with closing(open_port(line.device, baudrate=300)) as port:
        assert (rate(line), port.baudrate) == (termios.B300, 300)
        port.set_baudrate(38400)
        assert (rate(line), port.baudrate) == (termios.B38400, 38400)


@pytest.mark.parametrize("baudrate", [0, 110, 2401, 57600])
def test_baud_rates_that_m_bus_does_not_have_are_refused(line: FarEnd, baudrate: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"{baudrate} is no baud rate of M-Bus: 300, 600, "):
        open_port(line.device, baudrate=baudrate)
    with closing(open_port(line.device)) as port, pytest.raises(LocalProtocolError):
        port.set_baudrate(baudrate)


def test_a_pseudo_terminal_is_not_asked_for_parity(line: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    # When the C library complains depends on its version: complain always.
    asked: list[bool] = []
    genuine = termios.tcsetattr

    def tcsetattr(fd: int, when: int, attributes: list[Any]) -> None:
        asked.append(bool(attributes[2] & termios.PARENB))
        if asked[-1]:
            raise termios.error(errno.EINVAL, "Invalid argument")
        genuine(fd, when, attributes)

    monkeypatch.setattr(termios, "tcsetattr", tcsetattr)
    with closing(open_port(line.device)) as port:
        port.write(b"x")
        assert os.read(line.master, 10) == b"x"
        port.set_baudrate(9600)
        port.wake_up(0.01)
        assert asked
        assert not any(asked)


def test_a_real_port_without_parity_is_of_no_use(line: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    def tcsetattr(*_: object) -> None:
        raise termios.error(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(termios, "tcsetattr", tcsetattr)
    monkeypatch.setattr(serial_port, "is_pseudo_terminal", lambda _: False)
    with pytest.raises(TransportError, match=r"refuses 8 data bits with even parity .* use another adapter"):
        open_port(line.device)


def test_the_port_is_ours_alone(line: FarEnd) -> None:
    with closing(open_port(line.device)):
        with pytest.raises(TransportError) as caught:
            open_port(line.device)
        assert str(caught.value).startswith(f"{line.device} is in use: end the program that has it open")
    open_port(line.device).close()


def test_a_port_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def comports() -> list[Any]:
        return [type("Port", (), {"device": name}) for name in ("/dev/ttyUSB1", "/dev/ttyS0")]

    monkeypatch.setattr(list_ports, "comports", comports)
    with pytest.raises(TransportError) as caught:
        open_port("/dev/ttyUSB7")
    assert str(caught.value) == (
        "/dev/ttyUSB7 does not exist: serial ports here are /dev/ttyS0, /dev/ttyUSB1; "
        '"sim:" is a simulated bus that needs none'
    )
    monkeypatch.setattr(list_ports, "comports", list)
    with pytest.raises(TransportError, match="COM3 does not exist: this computer has no serial port; "):
        open_port("COM3")


def test_a_port_that_is_not_permitted(line: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("serial.serialposix.os.open", refuse)
    with pytest.raises(
        TransportError, match=r"add yourself to the group \w+ \(sudo usermod -aG \w+ \$USER\)"
    ):
        open_port(line.device)


@pytest.mark.parametrize(
    ("message", "said"),
    [  # pyserial's texts on Windows, which carry no number
        ("could not open port 'COM3': FileNotFoundError(2, 'not found', None, 2)", "COM3 does not exist"),
        ("could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)", "COM3 is in use"),
        ("Cannot configure port, something went wrong.", "COM3 cannot be opened .*check the name"),
    ],
)
def test_windows_says_it_in_words(message: str, said: str) -> None:
    error = errors.serial_error("COM3", "COM3", serial.SerialException(message))
    assert pytest.raises(TransportError, match=said).matches(error)


def test_what_is_no_serial_port(tmp_path: Path) -> None:
    file = tmp_path / "bus"
    file.write_text("no port")
    for name in (str(file), str(tmp_path)):
        with pytest.raises(TransportError, match=f"{name} is no serial port: "):
            open_port(name)


def test_an_unknown_scheme() -> None:
    with pytest.raises(LocalProtocolError, match=r"nope://x is no port .*tcp://HOST:PORT, rfc2217://"):
        open_port("nope://x")


def test_the_port_vanishes_while_reading(line: FarEnd) -> None:
    with closing(open_port(line.device)) as port:
        os.write(line.master, b"\x68\x1f")
        assert read(port, 2) == b"\x68\x1f"
        line.pull_the_plug()
        with pytest.raises(
            TransportError, match=r"failed .*check the plug and the cable, then open it again"
        ):
            port.read(port.now() + 60)
        with pytest.raises(TransportError):
            port.reopen()
        with pytest.raises(TransportError, match="is closed: open it again"):
            port.read(port.now())


def test_it_can_be_opened_again(line: FarEnd) -> None:
    port = open_port(line.device, baudrate=4800, slack=0.5)
    port.reopen()
    port.write(b"x")
    assert (os.read(line.master, 10), rate(line), port.slack) == (b"x", termios.B4800, 0.5)
    port.close()
    port.close()
    for call in (lambda: port.write(b"x"), lambda: port.set_baudrate(300), lambda: port.wake_up(0.1)):
        with pytest.raises(TransportError, match="is closed: open it again"):
            call()
    port.reopen()
    port.close()


def test_a_write_that_nobody_takes_ends(line: FarEnd) -> None:
    port = SerialPort(line.device)
    with closing(port):
        port._device.write_timeout = 0.05  # type: ignore[union-attr]
        with pytest.raises(TransportError, match="takes no octets: the adapter or gateway hangs"):
            port._hand_over(bytes(1_000_000))


def test_wake_up_takes_its_time(line: FarEnd, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    port = SerialPort(line.device)
    parities: list[str] = []
    with closing(port):
        device: Any = port._device
        genuine = device.write

        def write(octets: bytes) -> int:
            parities.append(device.parity)
            return int(genuine(octets))

        monkeypatch.setattr(device, "write", write)
        begin = clock.now
        port.wake_up(0.25)
        assert clock.now == pytest.approx(begin + 0.25)
        assert taken(line.master, 60) == b"\x55" * 60  # 0.25 s of ten bits at 2400 baud
        assert set(parities) == {"N"}


def test_closing_waits_until_the_octets_are_out(line: FarEnd, clock: Clock) -> None:
    port = open_port(line.device)
    begin = clock.now
    port.write(bytes(20))
    assert clock.now == begin
    port.close()
    assert clock.now >= begin + 20 * 11 / 2400


def test_loop() -> None:
    with closing(open_port("loop://", baudrate=9600)) as port:
        assert port.read(port.now() + 0.03) == b""
        port.write(b"\x10\x40")
        assert read(port, 2) == b"\x10\x40"
        port.set_baudrate(300)


def test_slack_is_that_of_a_usb_bridge_unless_given() -> None:
    with closing(open_port("loop://")) as port:
        assert (port.name, port.baudrate, port.slack) == ("loop://", 2400, 0.02)
    with closing(open_port("loop://", slack=1)) as port:
        assert port.slack == 1
