"""`mbus simulate`: a bus that is not there, on TCP, RFC 2217 or a pseudo-terminal."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import LocalProtocolError, TransportError
from ..line import baudrate_of, failed, say

if TYPE_CHECKING:
    from ...simulator import Fault, SimulatedBus

_LISTEN = "tcp://127.0.0.1:10001"


def command(
    *,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.toml", help="The bus; the built-in one without.")
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="tcp://HOST:PORT, rfc2217://HOST:PORT (port 0: any that is free), pty: or pty:LINK.",
        ),
    ] = _LISTEN,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A fault of the bus, with its probability if so wanted: noise=0.1."
        ),
    ] = None,
    faults: Annotated[bool, typer.Option("--faults", help="List the faults, and end.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of everything random; the same gives the same.")
    ] = None,
    baudrate: Annotated[
        int | None,
        typer.Option(
            "--baudrate",
            "-b",
            metavar="BAUD",
            parser=baudrate_of,
            help="Of the line, and of meters without a rate of their own.",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(metavar="TIMES", help="How many times faster than real time the bus is.")
    ] = 1.0,
    print_: Annotated[
        bool, typer.Option("--print", help="Print the file of the bus, to start one's own from, and end.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", "-d", help="Show what is asked and who answers.")] = False,
) -> None:
    """Serve a simulated bus until Ctrl-C; it says where.

    Example: mbus simulate --listen pty:/tmp/bus

    `sim:` and `sim:FILE.toml` are the same as ports within a command, in no time.
    """
    from ...simulator import builtin_text  # noqa: PLC0415  decode starts faster without

    if faults:
        _list_faults()
        return
    if print_:
        typer.echo(builtin_text() if file is None else file.read_text(encoding="utf-8"), nl=False)
        return
    _serve(_bus(file, fault or [], seed, baudrate), listen, speed=speed, debug=debug)


def _list_faults() -> None:
    from ...simulator import FAULTS  # noqa: PLC0415  decode starts faster without

    width = max(len(name) for name in FAULTS)
    for name, meaning in FAULTS.items():
        typer.echo(f"{name:{width}}  {meaning}")


def _bus(file: Path | None, faults: list[str], seed: int | None, baudrate: int | None) -> SimulatedBus:
    """The bus of the file, with what was given instead of what stands there."""
    from ...simulator import SimulatedBus, builtin, load  # noqa: PLC0415  decode starts faster without

    bus = builtin() if file is None else load(file)
    added = [_fault(text) for text in faults]
    if not added and seed is None and baudrate is None:
        return bus
    return SimulatedBus(
        bus.meters,
        baudrate=bus.baudrate if baudrate is None else baudrate,
        seed=bus.seed if seed is None else seed,
        faults=(*bus.faults, *added),
        bad_characters=bus.bad_characters,
    )


def _fault(text: str) -> Fault:
    from ...simulator import FAULTS, parse_fault  # noqa: PLC0415  decode starts faster without

    name = text.partition("=")[0]
    if name not in FAULTS:
        close = [known for known in FAULTS if known.startswith(name[:4])] if name else []
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise LocalProtocolError(f"{name!r} is no fault{hint}; there are: {', '.join(FAULTS)}")
    return parse_fault(text)


def _serve(bus: SimulatedBus, listen: str, *, speed: float, debug: bool) -> None:
    from ...simulator.listener import serve  # noqa: PLC0415  decode starts faster without

    def ready(url: str) -> None:
        meters = f"{len(bus.meters)} meter{'s' if len(bus.meters) != 1 else ''}"
        typer.echo(f"{meters} at {url}, {bus.baudrate} baud; Ctrl-C ends it")

    served: Any = _Shown(bus) if debug else bus
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service that is stopped
    try:
        with suppress(KeyboardInterrupt):
            serve(served, listen, ready=ready, baudrate=bus.baudrate, speed=speed)
    except TransportError as error:
        raise failed(error) from error
    finally:
        signal.signal(signal.SIGTERM, before)


class _Shown:
    """A bus whose exchanges are shown."""

    def __init__(self, bus: SimulatedBus) -> None:
        self._bus = bus
        self._shown = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def transmit(self, octets: bytes, now: float, baudrate: int, parity: str = "E") -> None:
        """Octets of the master; the requests that they complete are shown."""
        from ...bus.receiver import receive  # noqa: PLC0415  decode starts faster without
        from ...ports.descriptions import describe_frames  # noqa: PLC0415

        self._bus.transmit(octets, now, baudrate, parity)
        for request in self._bus.requests:
            words = describe_frames(receive(request.octets, final=True).pieces)
            answered = ", ".join(request.answered_by) or "nobody"
            say(f"{request.time:10.3f} {words}: {answered}")
        self._bus.clear_log()
