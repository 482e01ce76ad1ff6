"""What the commands that use a bus share: PORT, its options, the way there, and how failures end.

A command is a function whose first argument is a `Line`; `bus_command` puts PORT and the options around it.
What is asked for wrongly ends with exit code 2, what goes wrong on the bus with 1.
"""

from __future__ import annotations

import inspect
import io
import os
import sys
from collections.abc import Callable, Collection, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO, get_args

import typer

from mbus_grammars import DecodeError, MBusError

from ..bus.timing import BAUDRATES
from ..errors import (
    ApplicationError,
    CollisionError,
    LocalProtocolError,
    NoResponse,
    RemoteProtocolError,
    TransportError,
)
from ..security.keys import Keys
from .keys import KeyOption, KeysOption, keys_of, without_digits

if TYPE_CHECKING:
    from ..bus.address import Address
    from ..client.client import Client

ENVIRONMENT: Final = "MBUS_PORT"

_PORT_HELP: Final = (
    "/dev/ttyUSB0, COM3, rfc2217://HOST:PORT, tcp://HOST:PORT, sim: (a simulated bus), sim:FILE.toml, "
    "replay:FILE."
)
_NOT_IN_ENVIRONMENT: Final = f"It has to be given: {ENVIRONMENT} is not used here."
_LONGEST_TIMEOUT: Final = 60.0
_PANEL: Final = "Bus"


def baudrate_of(text: str) -> int:
    """The rate that was typed. Raises `BadParameter` for one that M-Bus does not have."""
    if not text.isdecimal() or int(text) not in BAUDRATES:
        raise typer.BadParameter(f"{text}: one of {', '.join(map(str, BAUDRATES))}")
    return int(text)


def _check_timeout(seconds: float | None) -> float | None:
    if seconds == 0:
        raise typer.BadParameter("0: no answer begins at once; leave it out for the standard's time")
    return seconds


_ON_TCP: Final = "On tcp:// it sets the time-outs only: a raw TCP gateway's rate cannot be changed from here."
_BAUDRATE: Final = typer.Option(
    "--baudrate", "-b", metavar="BAUD", parser=baudrate_of, rich_help_panel=_PANEL,
    help=f"300 to 38400; meters leave the factory with 2400. {_ON_TCP}",
)  # fmt: skip
_SEVERAL: Final = typer.Option(
    "--baudrate", "-b", metavar="BAUD", parser=baudrate_of, rich_help_panel=_PANEL,
    help=f"300 to 38400; several times for several rates, one after the other. {_ON_TCP}",
)  # fmt: skip

# The options of every bus command: name, type, default.
_OPTIONS: Final[tuple[tuple[str, Any, Any], ...]] = (
    (
        "timeout",
        Annotated[
            float | None,
            typer.Option(
                min=0, max=_LONGEST_TIMEOUT, metavar="SECONDS", rich_help_panel=_PANEL,
                callback=_check_timeout,
                help="In which an answer has to begin, instead of the standard's time.",
            ),
        ],
        None,
    ),
    (
        "retries",
        Annotated[
            int,
            typer.Option(
                min=0, max=100, metavar="N", rich_help_panel=_PANEL,
                help="How often a request without answer is repeated.",
            ),
        ],
        2,
    ),
    (
        "wake_up",
        Annotated[
            float,
            typer.Option(
                "--wake-up", min=0, max=_LONGEST_TIMEOUT, metavar="SECONDS", rich_help_panel=_PANEL,
                help="Preamble before each call, for optical heads: 2.2 is usual.",
            ),
        ],
        0.0,
    ),
    (
        "record",
        Annotated[
            Path | None,
            typer.Option(
                metavar="FILE", rich_help_panel=_PANEL, help="Write a transcript; replay:FILE is a port then."
            ),
        ],
        None,
    ),
    (
        "debug",
        Annotated[
            bool, typer.Option("--debug", "-d", rich_help_panel=_PANEL, help="Show what is sent and heard.")
        ],
        False,
    ),
)  # fmt: skip

# Those of commands that read what a meter says.
_KEYS: Final[tuple[tuple[str, Any, Any], ...]] = (("key", KeyOption, None), ("keys", KeysOption, None))


@dataclass(frozen=True)
class Line:
    """The bus that a command was given, and how it is used."""

    port: str
    baudrates: tuple[int, ...] = (2400,)
    timeout: float | None = None
    retries: int = 2
    wake_up: float = 0.0
    record: Path | None = None
    debug: bool = False
    keys: Keys = field(default_factory=Keys)

    @property
    def baudrate(self) -> int:
        """The first or only one."""
        return self.baudrates[0]

    @property
    def is_virtual(self) -> bool:
        """Whether its clock is no real one."""
        return self.port.lower().startswith(("sim:", "replay:"))


def usable_keys(key: str | None, file: str | None) -> Keys:
    """The keys that a command was given, as `keys_of` takes them.

    Where nothing can be opened with them that is said, and there are none: what is plain is read all the
    same.
    """
    from ..security.aes import MissingExtra, required  # noqa: PLC0415  scan starts faster without

    keys = keys_of(key, file)
    if keys:
        try:
            required()
        except MissingExtra as error:
            say(f"without keys: {error}")
            return Keys()
    return keys


def bus_command(
    *,
    spare: str | None = None,
    several_baudrates: bool = False,
    without: Collection[str] = (),
    keys: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Puts PORT and the options of a bus around a command, which gets them as `Line`.

    Args:
        spare: the command's first argument, if it may be left out: then MBUS_PORT can stand for PORT, since
            no port is named like an address. "" for a command that has no other argument.
        several_baudrates: `-b` may be given several times.
        without: options that the command has no use for.
        keys: it reads what meters say, so that keys for it may be given.
    """
    in_environment = spare is not None
    argument = typer.Argument(
        metavar="PORT",
        help=f"{_PORT_HELP} {f'Or in {ENVIRONMENT}.' if in_environment else _NOT_IN_ENVIRONMENT}",
        envvar=ENVIRONMENT if in_environment else None,
        show_envvar=False,
    )
    rate = Annotated[list[int], _SEVERAL if several_baudrates else _BAUDRATE]
    offered = [option for option in _OPTIONS if option[0] not in without]
    common = [
        *(_parameter(name, kind, default) for name, kind, default in (_KEYS if keys else ())),
        _parameter("baudrate", rate, ["2400"]),
        *(_parameter(name, kind, default) for name, kind, default in offered),
    ]

    def around(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        takes_several = any(
            item.name == spare and get_args(item.annotation)[0] == list[str] | None for item in own
        )
        name = function.__module__.rpartition(".")[2].replace("_", "-")

        def command(port: str, **given: Any) -> None:
            baudrates = tuple(dict.fromkeys(given.pop("baudrate")))
            options = {name: given.pop(name) for name, _, _ in offered}
            if keys:
                options["keys"] = usable_keys(given.pop("key"), given.pop("keys"))
            if is_address(port):
                port, given = _without_port(port, given, spare, several=takes_several)
            line = Line(port, baudrates, **options)
            _check_rates(line, several=several_baudrates)
            try:
                function(line, **given)
            except KeyboardInterrupt as interrupt:
                say(*interrupt.args or (f"{name} interrupted; what is written so far is not all",))
                raise

        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        first = inspect.Parameter("port", positional, annotation=Annotated[str, argument])
        options = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own]
        command.__signature__ = inspect.Signature([first, *options, *common])  # type: ignore[attr-defined]
        command.__annotations__ = {}
        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        return command

    return around


def _without_port(
    address: str, given: dict[str, Any], spare: str | None, *, several: bool
) -> tuple[str, dict[str, Any]]:
    """PORT and the arguments where an address stands in PORT's place; `several` may follow it, or none."""
    port = os.environ.get(ENVIRONMENT)
    if spare is None:
        raise typer.BadParameter(f"{address} is an address and no port: PORT has to be given here")
    if not (spare and port):
        raise typer.BadParameter(f"{address} is an address and no port: give PORT first, or {ENVIRONMENT}")
    if several:
        return port, {**given, spare: [address, *(given[spare] or ())]}
    if given[spare] is not None:
        raise typer.BadParameter(f"{address} is an address and no port: give one address, or PORT first")
    return port, {**given, spare: address}


def _check_rates(line: Line, *, several: bool) -> None:
    """Refuse several rates where only one can have an effect."""
    if len(line.baudrates) < 2:
        return
    if not several:
        raise typer.BadParameter("-b is given twice: this command uses one baud rate")
    from ..ports import sets_baudrate  # noqa: PLC0415  decode starts faster without

    if not sets_baudrate(line.port):
        raise typer.BadParameter(
            f"several -b: the rate of {line.port} is the gateway's, and cannot be changed from here; "
            "give one, or use rfc2217://"
        )


def _parameter(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


# --- Addresses

_PRIMARY: Final = "0 to 250, 253 (the selected meter), 254 (the only meter)"
_SECONDARY: Final = (
    "eight digits of an identification number, or sixteen of a secondary address: F or ? for any digit, "
    "* for the rest"
)
ADDRESS_HELP: Final = f"{_PRIMARY}; {_SECONDARY}."
ADDRESS_OR_ALL_HELP: Final = f"{_PRIMARY}, 255 (all meters, none answers); {_SECONDARY}."


def is_address(text: str) -> bool:
    """Whether a text is an address."""
    try:
        address_of(text)
    except MBusError:
        return False
    return True


def address_of(text: str, *, silent: bool = False) -> Address:
    """The address that was typed. Raises `LocalProtocolError`, which ends in exit code 2.

    255 is one only where nobody has to answer (`silent`).
    """
    from ..bus.address import BROADCAST, parse_address  # noqa: PLC0415  decode starts faster without

    try:
        address = parse_address(text)
    except LocalProtocolError as error:
        if "/" in text:  # what is wrong with its fabrication number
            raise
        allowed = f"{_PRIMARY}{', 255' if silent else ''}; or {_SECONDARY}"
        raise LocalProtocolError(f"{text!r} is no address: {allowed}") from error
    if address == BROADCAST and not silent:
        raise LocalProtocolError("255 is the address of all meters, and none of them answers: give another")
    return address


# --- The bus


@contextmanager
def connected(line: Line, *, shown: TextIO | None = None) -> Generator[Client, None, None]:
    """The same as `opened`; what goes wrong ends the command with one line and exit code 1.

    A PORT that is none, and a file that cannot be used, are wrong usage: their errors go on.
    """
    from ..ports.errors import FileError  # noqa: PLC0415  decode starts faster without

    with ExitStack() as stack:
        try:
            client = stack.enter_context(opened(line, shown=shown))
        except TransportError as error:
            raise failed(error) from error
        try:
            yield client
        except FileError:
            raise
        except MBusError as error:
            raise failed(error) from error


@contextmanager
def opened(line: Line, *, shown: TextIO | None = None) -> Generator[Client, None, None]:
    """A client on the bus; it is deselected and closed at the end, also by Ctrl-C.

    What goes over the line is written to `shown` too, or to standard error where `--debug` says so.
    """
    from ..client.client import Client  # noqa: PLC0415  decode starts faster without ports
    from ..ports import open_port  # noqa: PLC0415
    from ..ports.transcript import RecordingPort  # noqa: PLC0415
    from .interrupts import InterruptiblePort, Interrupts  # noqa: PLC0415

    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        with interrupts.waiting():
            port = open_port(line.port, baudrate=line.baudrate)
        closing = stack.enter_context(ExitStack())
        closing.callback(port.close)
        port = InterruptiblePort(port, interrupts)
        if line.record is not None:
            port = RecordingPort(port, line.record)
            closing.callback(port.close)
        if shown is not None or line.debug:
            port = RecordingPort(port, shown or WholeLines(err=True))
        client = Client(
            port,
            baudrate=line.baudrate,
            timeout=line.timeout,
            retries=line.retries,
            wake_up=line.wake_up,
            keys=line.keys,
        )
        closing.pop_all()
        with client:
            yield client


class WholeLines(io.StringIO):
    """Standard output or error for a transcript: whole lines only, whatever else is said in between."""

    def __init__(self, *, err: bool) -> None:
        super().__init__()
        self._err = err

    def write(self, text: str) -> int:
        """Take a piece of a line, and put out what is complete."""
        lines = (self.getvalue() + text).split("\n")
        for complete in lines[:-1]:
            typer.echo(complete, err=self._err)
        self.seek(0)
        self.truncate()
        super().write(lines[-1])
        return len(text)


def failed(error: MBusError) -> typer.Exit:
    """Say in one line what went wrong on the bus; raise what this gives."""
    say(str(error))
    return typer.Exit(1)


def say(text: str) -> None:
    """One line on standard error, with no digits that may be a key."""
    typer.echo("mbus: " + without_digits(" ".join(text.split()), sys.argv[1:]), err=True)


# --- Errors as data

_CODES: Final = (
    (NoResponse, "no_response"),
    (CollisionError, "collision"),
    (ApplicationError, "application_error"),
    (RemoteProtocolError, "remote_protocol"),
    (TransportError, "transport"),
    (LocalProtocolError, "local_protocol"),
)


def error_code(error: MBusError) -> str:
    """The stable name of an error."""
    if isinstance(error, DecodeError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), "error")
