"""What the scripts mbus-serial-*.py in tools/ share: pyMeterBus's options and output, on our client.

Exit codes: 0 done (a scan that finds nobody is done), 1 the port, the bus or the meter failed, 2 usage. An
error is one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import DecodeError, MBusError

from ..bus.address import Address, parse_address, parse_secondary
from ..bus.events import Finding
from ..bus.timing import BAUDRATES
from ..client.client import Client
from ..encoding.encode import encode
from ..errors import LocalProtocolError
from ..meterbus import TelegramLong, load
from ..meterbus.json_text import json_text
from ..meterbus.yaml_text import yaml_text
from ..ports import open_port

if TYPE_CHECKING:
    from ..bus.events import Event
    from ..ports.port import Port

_DEVICE: Final = "serial device, rfc2217://HOST:PORT, socket://HOST:PORT, tcp://HOST:PORT, or sim:"
_EVERYBODY: Final = "FFFFFFFFFFFFFFFF"
_LAST_PRIMARY: Final = 250
_ONE_WHO_ANSWERS: Final = "254"

Arguments = argparse.Namespace


def request_data(arguments: Sequence[str] | None = None) -> int:
    """`mbus-serial-request-data.py`: one telegram of a meter, or of a binary file."""
    parser = _parser("Request the data of a meter.", f"{_DEVICE}, or a binary file")
    _address_option(parser, "primary or secondary address", _ONE_WHO_ANSWERS, parse_address)
    _output_option(parser, "dump")
    return _run(parser, arguments, lambda given: _request(given, limit=1))


def request_data_multi_reply(arguments: Sequence[str] | None = None) -> int:
    """`mbus-serial-request-data-multi-reply.py`: all telegrams of a meter's readout."""
    parser = _parser("Request the data of a meter that may answer with several telegrams.", _DEVICE)
    _address_option(parser, "primary or secondary address", _ONE_WHO_ANSWERS, parse_address)
    _output_option(parser, "json")
    return _run(parser, arguments, _request)


def scan(arguments: Sequence[str] | None = None) -> int:
    """`mbus-serial-scan.py`: who answers at the primary addresses 0 to 250."""
    return _run(_parser("Scan for meters by primary address.", _DEVICE), arguments, _scan)


def scan_secondary(arguments: Sequence[str] | None = None) -> int:
    """`mbus-serial-scan-secondary.py`: the meters that a secondary address or mask selects."""
    parser = _parser("Scan for meters by secondary address.", _DEVICE)
    _address_option(parser, "secondary address or mask, F for any digit", _EVERYBODY, parse_secondary)
    return _run(parser, arguments, _scan_secondary)


# --- Options -------------------------------------------------------------------------------------


def _parser(description: str, device: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-d", action="store_true", dest="debug", help="show what is sent and received")
    parser.add_argument(
        "-b", "--baudrate", type=int, choices=BAUDRATES, default=2400, help="of the bus (2400)"
    )
    parser.add_argument("-r", "--retries", type=_count, default=5, help="of a request without answer (5)")
    parser.add_argument(
        "--echofix", action="store_true", help="for converters that echo; they are recognised without it too"
    )
    parser.add_argument("device", help=device)
    return parser


def _address_option(
    parser: argparse.ArgumentParser, meaning: str, default: str, parse: Callable[[str], Address]
) -> None:
    def address(text: str) -> Address:
        try:
            return parse(text)
        except LocalProtocolError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    parser.add_argument("-a", "--address", type=address, default=default, help=f"{meaning} ({default})")


def _output_option(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "-o",
        "--output",
        choices=("dump", "json", "yaml"),
        default=default,
        help=f"dump is the whole telegram in JSON ({default})",
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def _run(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, action: Callable[[Arguments], None]
) -> int:
    given = parser.parse_args(arguments)
    try:
        action(given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (MBusError, OSError) as error:
        _say(f"{parser.prog}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr, flush=True)  # noqa: T201  what a script is for


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  what a script is for


# --- The bus -------------------------------------------------------------------------------------


def _client(given: Arguments) -> Client:
    port = open_port(given.device, baudrate=given.baudrate)
    return Client(
        TracedPort(port) if given.debug else port,
        baudrate=given.baudrate,
        retries=given.retries,
        on_event=_tell_findings,
    )


def _tell_findings(event: Event) -> None:
    if isinstance(event, Finding) and event.severity != "info":
        _say(str(event))


class TracedPort:
    """A port that shows on standard error what goes over it, as pyMeterBus does with -d."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.name = port.name
        self.baudrate = port.baudrate
        self.slack = port.slack
        self.sets_baudrate = port.sets_baudrate
        self._heard = b""

    def now(self) -> float:
        """The port's clock."""
        return self.port.now()

    def write(self, octets: bytes) -> None:
        """Show and hand over the octets."""
        self._show_heard()
        _say(f"SEND ({len(octets):03d}) {octets.hex(' ').upper()}")
        self.port.write(octets)

    def read(self, deadline: float) -> bytes:
        """Octets of the port; they are shown together once it is silent."""
        octets = self.port.read(deadline)
        self._heard += octets
        if not octets:
            self._show_heard()
        return octets

    def _show_heard(self) -> None:
        if self._heard:
            _say(f"RECV ({len(self._heard):03d}) {self._heard.hex(' ').upper()}")
            self._heard = b""

    def set_baudrate(self, baudrate: int) -> None:
        """Change the port's speed."""
        self.port.set_baudrate(baudrate)
        self.baudrate = baudrate

    def wake_up(self, seconds: float) -> None:
        """Send the port's preamble."""
        self.port.wake_up(seconds)

    def reopen(self) -> None:
        """Open the port again."""
        self.port.reopen()

    def close(self) -> None:
        """Show what is left and close the port."""
        self._show_heard()
        self.port.close()


def _scan(given: Arguments) -> None:
    with _client(given) as bus:
        for meter in bus.scan(range(_LAST_PRIMARY + 1)):
            _print(f"Found a M-Bus device at address {meter.primary_address}")


def _scan_secondary(given: Arguments) -> None:
    with _client(given) as bus:
        for found in bus.search(given.address):
            manufacturer = None if found.meter is None else found.meter.manufacturer
            _print(
                f"Device found with id {found.secondary_address} ({manufacturer}), using mask {found.mask}"
            )


# --- Data ----------------------------------------------------------------------------------------


def _request(given: Arguments, limit: int | None = None) -> None:
    if limit == 1 and Path(given.device).is_file():
        _show(load(Path(given.device).read_bytes()), given.output)
        return
    options = {} if limit is None else {"limit": limit}
    with _client(given) as bus:
        reading = bus.read(given.address, **options)
    if limit is not None and reading.more_records_follow:
        _say("more telegrams follow: mbus-serial-request-data-multi-reply.py reads all of them")
    telegrams = [load(encode(telegram)) for telegram in reading.telegrams]
    joined = telegrams[0]
    for telegram in telegrams[1:]:
        if isinstance(joined, TelegramLong):
            joined += telegram
    _show(joined, given.output)


def _show(telegram: object, output: str) -> None:
    if not isinstance(telegram, TelegramLong):
        raise DecodeError(f"no data of a meter, but a {type(telegram).__name__}")
    if output == "dump":
        _print(telegram.to_JSON())
    else:
        write = yaml_text if output == "yaml" else json_text
        _print(write(_summary(telegram), sort_keys=True))


def _summary(telegram: TelegramLong) -> dict[str, Any]:
    """The shape of pyMeterBus's scripts for json and yaml; None for what a header does not have."""
    header = telegram.body.bodyHeader
    access, medium = header.acc_nr_field.parts, header.measure_medium_field.parts
    return {
        "manufacturer": telegram.manufacturer,
        "identification": "".join(f"{part:02x}" for part in header.id_nr) or None,
        "access_no": access[0] if access else None,
        "medium": medium[0] if medium else None,
        "records": [{"value": record.value, "unit": record.unit} for record in telegram.records],
    }
