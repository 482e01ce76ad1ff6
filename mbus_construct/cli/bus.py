"""What the commands that use a bus share: PORT, its options, the way there, and how failures end.

A command is a function whose first argument is a `Line`; `bus_command` puts PORT and the options around it.
What is asked for wrongly ends with exit code 2, what goes wrong on the bus with 1.
"""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

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

if TYPE_CHECKING:
    from ..bus.address import Address
    from ..client import Client

ENVIRONMENT: Final = "MBUS_PORT"

_PORT_HELP: Final = (
    "/dev/ttyUSB0, COM3, rfc2217://HOST:PORT, tcp://HOST:PORT, sim: (a simulated bus), sim:FILE.toml, "
    "replay:FILE."
)
_LONGEST_TIMEOUT: Final = 60.0
_PANEL: Final = "Bus"


def check_baudrate(given: int | list[int]) -> int | list[int]:
    """Refuse rates that M-Bus does not have."""
    for baudrate in given if isinstance(given, list) else [given]:
        if baudrate not in BAUDRATES:
            raise typer.BadParameter(
                f"{baudrate} is no baud rate of M-Bus: {', '.join(map(str, BAUDRATES))} are"
            )
    return given


_BAUDRATE: Final = typer.Option(
    "--baudrate", "-b", metavar="BAUD", callback=check_baudrate, rich_help_panel=_PANEL,
    help="300 to 38400; meters leave the factory with 2400.",
)  # fmt: skip
_SEVERAL: Final = typer.Option(
    "--baudrate", "-b", metavar="BAUD", callback=check_baudrate, rich_help_panel=_PANEL,
    help="300 to 38400; several times for several rates, one after the other.",
)  # fmt: skip

# The options of every bus command: name, type, default.
_OPTIONS: Final[tuple[tuple[str, Any, Any], ...]] = (
    (
        "timeout",
        Annotated[
            float | None,
            typer.Option(
                min=0, max=_LONGEST_TIMEOUT, metavar="SECONDS", rich_help_panel=_PANEL,
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

    @property
    def baudrate(self) -> int:
        """The first or only one."""
        return self.baudrates[0]

    @property
    def is_virtual(self) -> bool:
        """Whether its clock is no real one."""
        return self.port.lower().startswith(("sim:", "replay:"))


def bus_command(
    *, spare: str | None = None, several_baudrates: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Puts PORT and the options of a bus around a command, which gets them as `Line`.

    Args:
        spare: the command's first argument, if it may be left out: then MBUS_PORT can stand for PORT, since
            no port is named like an address. "" for a command that has no other argument.
        several_baudrates: `-b` may be given several times.
    """
    in_environment = spare is not None
    how = f" Or in {ENVIRONMENT}." if in_environment else ""
    argument = typer.Argument(
        metavar="PORT",
        help=_PORT_HELP + how,
        envvar=ENVIRONMENT if in_environment else None,
        show_envvar=False,
    )
    rate: Any = Annotated[list[int], _SEVERAL] if several_baudrates else Annotated[int, _BAUDRATE]
    common = [
        _parameter("baudrate", rate, [2400] if several_baudrates else 2400),
        *(_parameter(name, kind, default) for name, kind, default in _OPTIONS),
    ]

    def around(function: Callable[..., None]) -> Callable[..., None]:
        def command(port: str, **given: Any) -> None:
            rates: Any = given.pop("baudrate")
            baudrates: list[int] = rates if several_baudrates else [rates]
            options = {name: given.pop(name) for name, _, _ in _OPTIONS}
            if spare and os.environ.get(ENVIRONMENT) and is_address(port):
                rest = given[spare]
                given[spare] = [port, *rest] if isinstance(rest, list) else (rest or port)
                port = os.environ[ENVIRONMENT]
            function(Line(port, tuple(dict.fromkeys(baudrates)), **options), **given)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        first = inspect.Parameter("port", positional, annotation=Annotated[str, argument])
        options = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own]
        command.__signature__ = inspect.Signature([first, *options, *common])  # type: ignore[attr-defined]
        command.__annotations__ = {}
        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        return command

    return around


def _parameter(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


# --- Addresses


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

    address = parse_address(text)
    if address == BROADCAST and not silent:
        raise LocalProtocolError("255 is the address of all meters, and none of them answers: give another")
    return address


# --- The bus


@contextmanager
def connected(line: Line, *, shown: TextIO | None = None) -> Generator[Client, None, None]:
    """The same as `opened`; what goes wrong ends the command with one line and exit code 1.

    A PORT that is none is wrong usage: its `LocalProtocolError` goes on.
    """
    with ExitStack() as stack:
        try:
            client = stack.enter_context(opened(line, shown=shown))
        except TransportError as error:
            raise failed(error) from error
        try:
            yield client
        except MBusError as error:
            raise failed(error) from error


@contextmanager
def opened(line: Line, *, shown: TextIO | None = None) -> Generator[Client, None, None]:
    """A client on the bus; it is deselected and closed at the end, also by Ctrl-C.

    What goes over the line is written to `shown` too, or to standard error where `--debug` says so.
    """
    from ..client import Client  # noqa: PLC0415  decode starts faster without ports
    from ..transport import open_port  # noqa: PLC0415
    from ..transport.transcript import RecordingPort  # noqa: PLC0415
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
            port, baudrate=line.baudrate, timeout=line.timeout, retries=line.retries, wake_up=line.wake_up
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
    """One line on standard error."""
    typer.echo("mbus: " + " ".join(text.split()), err=True)


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
