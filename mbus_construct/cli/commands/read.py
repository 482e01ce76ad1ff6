"""`mbus read`: the readouts of one meter, of several, of all.

With `--state` a run that was interrupted goes on: a reading is written and flushed, then the state says so,
and only then Ctrl-C is honoured. A program that is killed between the two is found out by the state: with
`--output` it knows how long the file was and cuts off what came behind; on standard output it can only say
which meter may stand there twice. Meters that failed are asked again when the same command is repeated.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from mbus_grammars import MBusError

from ...errors import LocalProtocolError
from ...model.json_shapes import SCHEMA_VERSION
from ..found_meters import BusState, Hunt, finding_from, interrupted
from ..line import ADDRESS_HELP, Line, address_of, bus_command, connected, error_code, say
from ..output import CSV_COLUMNS, csv_rows
from ..sinks import Sink
from ..state import StateFile
from ..watching import Watching
from .scan import State, Thorough, addresses_of, scanning
from .search import Known, known_addresses, searching

if TYPE_CHECKING:
    from ...bus.address import Address
    from ...bus.events import Finding, Readout
    from ...bus.procedure import Procedure
    from ...bus.session import Session

_MAX_TELEGRAMS = 32
_IN_TABLES = ("encrypted", "incomplete", "repeats")  # findings that a reading has as remarks, below its table


class Format(StrEnum):
    """How readings are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


@bus_command(spare="addresses", keys=True)
def command(
    line: Line,
    *,
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="ADDRESS...", help=ADDRESS_HELP),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every meter that a scan finds.")] = False,
    secondary: Annotated[
        bool, typer.Option("--secondary", help="With --all: every meter that a search finds.")
    ] = False,
    scanned: Annotated[
        str | None, typer.Option("--addresses", metavar="LIST", help="With --all: which to scan, as 1-250,7.")
    ] = None,
    known: Known = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write instead of the terminal."),
    ] = None,
    state: State = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10000, metavar="N", help="Telegrams of one readout at most.")
    ] = _MAX_TELEGRAMS,
    thorough: Thorough = None,
) -> None:
    """Read meters: all telegrams of a readout of each.

    Try sim: as PORT, with the address 5 or 07935343.

    A meter that fails costs no other one: its error is a line on standard error, and an object of type
    "refusal" in JSON. What stays encrypted is a remark beside what is plain.

    Exit code 0: all read; 1: something failed or needs attention; 2: usage.
    """
    asked = list(addresses or ())
    if bool(asked or (known and not all_)) == all_:
        raise typer.BadParameter("give the addresses of meters, or --all" + (", not both" if all_ else ""))
    if (secondary or scanned or thorough is not None) and not all_:
        raise typer.BadParameter("--secondary, --addresses and --thorough go with --all")
    if secondary and scanned:
        raise typer.BadParameter("--addresses are primary ones: they do not go with --secondary")
    listed = [] if known is None else known_addresses(known)
    if not all_:
        targets: list[Address] = [*(address_of(text) for text in asked), *listed]
        work = Work.of_addresses(list(dict.fromkeys(targets)), limit)
    elif secondary:
        work = Work.of_hunt(searching(None, listed, thorough), limit)
    elif listed:
        raise typer.BadParameter("--known are secondary addresses: with --all they need --secondary")
    else:
        work = Work.of_hunt(scanning(addresses_of(scanned) if scanned else None, thorough), limit)
    run = _Run(line, work, format_, output, state)
    raise typer.Exit(run())


# --- What is to be read ----------------------------------------------------------------------------


@dataclass
class Work:
    """The meters to read: listed, or found by a hunt.

    Attributes:
        limit: telegrams of one readout at most.
        addresses: of the meters, where they are listed.
        hunt: that finds them otherwise, with its `state`.
    """

    limit: int
    addresses: list[Address] = field(default_factory=list[Any])
    hunt: Hunt | None = None
    state: BusState | None = None

    @classmethod
    def of_addresses(cls, addresses: list[Address], limit: int) -> Work:
        """These meters."""
        return cls(limit, addresses)

    @classmethod
    def of_hunt(cls, hunt: Hunt, limit: int) -> Work:
        """Whatever meters are found."""
        return cls(limit, hunt=hunt, state=hunt.new())

    @property
    def alone(self) -> bool:
        """Whether one meter is meant."""
        return self.hunt is None and len(self.addresses) == 1

    def what(self) -> dict[str, Any]:
        """What was asked for, for the state file."""
        if self.hunt is None:
            return {"addresses": [str(address) for address in self.addresses]}
        return {"all": self.hunt.name, **self.hunt.what}

    def procedure(self, session: Session, written: Sequence[str]) -> Procedure[None]:
        """Reads what is not written yet."""
        if self.hunt is None or self.state is None:
            return self._read_listed(session, [item for item in self.addresses if str(item) not in written])
        return self._read_found(session, self.hunt, self.state, written)

    def _read_listed(self, session: Session, addresses: list[Address]) -> Procedure[None]:
        from ...bus.events import Progress, Readout  # noqa: PLC0415  decode starts faster without

        if len(addresses) == 1:
            try:
                reading = yield from session.read(addresses[0], limit=self.limit)
            except MBusError as error:
                yield Readout(addresses[0], error=error)
            else:
                yield Readout(addresses[0], reading)
            return
        answer: Any = None
        procedure = session.read_many(addresses, limit=self.limit)
        done = 0
        while True:
            try:
                step = procedure.send(answer)
            except StopIteration:
                return
            answer = yield step
            if isinstance(step, Readout):
                done += 1
                yield Progress(done, len(addresses), step.address)

    def _read_found(
        self, session: Session, hunt: Hunt, state: BusState, written: Sequence[str]
    ) -> Procedure[None]:
        # Found before an interrupt, and not read any more, or not with success.
        for meter in list(state.found):
            for step in _addresses(meter):
                if step not in written:
                    yield from session.read_found(meter, limit=self.limit)
        yield from session.read_all(hunt.procedure(session, state), limit=self.limit)


def _addresses(meter: Any) -> Iterator[str]:
    """The address by which a meter that was found is read, as its readout has it."""
    address = meter.secondary_address if meter.mask is not None else meter.primary_address
    address = meter.mask if address is None else address
    if address is not None:
        yield str(address)


# --- One run ---------------------------------------------------------------------------------------


class _Run:
    """One run of the command, with what earlier runs have written."""

    def __init__(
        self, line: Line, work: Work, format_: Format, output: Path | None, path: Path | None
    ) -> None:
        self.line = line
        self.work = work
        self.format = format_
        self.output = output
        shown = _IN_TABLES if format_ is Format.TABLE and output is None else ()
        self.watching = Watching("read", bar=not line.debug, in_output=shown)
        self.written: list[str] = []  # meters whose readings have been written
        self.failed: list[str] = []  # meters whose errors have been written, and no reading since
        self.unclean = 0  # of the readings, how many had something wrong in them
        self.writing: str | None = None  # the meter whose reading is being written
        self.length: int | None = None  # of the output file, up to the last result
        self.complete = False
        bus = {"port": line.port, "baudrate": line.baudrate}
        what = {
            "command": "read",
            **bus,
            **work.what(),
            "format": str(format_),
            "output": output and str(output),
        }
        self.state = StateFile(path, what, self._content)
        self.earlier: list[Finding] = []
        self._resume()

    def _content(self) -> dict[str, Any]:
        finding = self.work.state
        return {
            "complete": self.complete,
            "written": self.written,
            "failed": self.failed,
            "unclean": self.unclean,
            "writing": self.writing,
            "length": self.length,
            "findings": [item.to_dict() for item in self.watching.findings] if finding is not None else [],
            "found": None if finding is None else finding.to_dict(),
        }

    def _resume(self) -> None:
        values = self.state.load()
        if values is None:
            return
        with self.state.whole():
            self.written, self.failed = values["written"], values["failed"]
            self.unclean, self.length, self.complete = values["unclean"], values["length"], values["complete"]
            if self.work.hunt is not None:
                self.work.state = self.work.hunt.load(values["found"])
            self.earlier = [finding_from(item) for item in values["findings"]]
        path = self.state.path
        count = f"{len(self.written)} meter{'s' if len(self.written) != 1 else ''} read so far"
        if self.complete and not self.failed:
            say(f"{path}: complete, {count}; remove the file to begin anew")
        else:
            say(f"{path}: going on, {count}" + (f", {len(self.failed)} failed" if self.failed else ""))
        if values["writing"] is not None and self.output is None:
            say(f"{path}: an earlier run was killed while it wrote {values['writing']}: that may come twice")

    def __call__(self) -> int:
        """Read and write; gives the exit code."""
        for finding in self.earlier:
            self.watching.tell(finding)
        if not (self.complete and not self.failed):
            try:
                with ExitStack() as stack:
                    file = self._open()
                    if file is not None:
                        stack.enter_context(file)
                    self._read(file)
            except OSError as error:  # writing does not name its file
                if error.filename is not None or self.output is None:
                    raise
                raise OSError(error.errno, error.strerror, str(self.output)) from error
        if not self.written and not self.failed:
            say(f"no meter answers; `mbus doctor {self.line.port}` says why")
        faulty = self.failed or self.unclean or self.watching.attention or not self.written
        return 1 if faulty else 0

    def _open(self) -> TextIO | None:
        """The output file, up to the last result that the state knows of."""
        if self.output is None:
            return None
        if self.length is None:
            return self.output.open("w", encoding="utf-8")
        size = self.output.stat().st_size if self.output.exists() else 0
        if size < self.length:
            raise LocalProtocolError(
                f"{self.output} is not the file that {self.state.path} goes on with: it has {size} octets, "
                f"not {self.length}; remove the state to begin anew"
            )
        os.truncate(self.output, self.length)
        return self.output.open("a", encoding="utf-8")

    def _read(self, file: TextIO | None) -> None:
        begun = bool(self.written or self.failed)
        sink = Sink["Readout"](
            self.format,
            to_dict=_object,
            rows=lambda readout: csv_rows(str(readout.address), readout.reading or _error(readout)),
            columns=CSV_COLUMNS,
            text=lambda readout: self._table(readout, plain=file is not None),
            file=file,
            alone=self.work.alone,
            continued=begun,
        )
        self.state.save()
        try:
            with closing(self._readouts()) as readouts:
                for readout in readouts:
                    with self.watching.paused():
                        self._write(readout, sink, file)
        except KeyboardInterrupt:
            raise interrupted("read", self.state.path) from None
        finally:
            sink.end()

    def _readouts(self) -> Generator[Readout, None, None]:
        from ...bus.events import Readout  # noqa: PLC0415  decode starts faster without

        with connected(self.line) as client, self.watching:
            try:
                procedure = self.work.procedure(client.session, list(self.written))
                for event in self.watching.events(client, procedure):
                    if isinstance(event, Readout):
                        yield event
                    else:
                        self.state.progressed()
                self.complete = True
            finally:
                self.state.save()

    def _write(self, readout: Readout, sink: Sink[Readout], file: TextIO | None) -> None:
        """Write a result, then remember that it is written."""
        name = str(readout.address)
        if name in self.written:
            return
        if file is None:
            self.writing = name
            self.state.save()
        # In a file the error of an earlier run stands already.
        told = file is not None and readout.reading is None and name in self.failed
        if not told and (readout.reading is not None or self.format is not Format.TABLE):
            sink.write(readout)
        self.writing = None
        if name in self.failed:
            self.failed.remove(name)
        if readout.reading is None:
            self.failed.append(name)
        else:
            self.written.append(name)
            severities = {remark.severity for remark in readout.reading.diagnostics}
            self.unclean += not severities <= {"info"}
        if file is not None:
            self.length = os.fstat(file.fileno()).st_size
        self.state.save()
        if readout.error is not None:
            say(str(readout.error))

    def _table(self, readout: Readout, *, plain: bool) -> str:
        from ..table import reading_text  # noqa: PLC0415  rich is slow to import, and for tables alone

        if readout.reading is None:
            return f"{readout.address}: {readout.error}"
        return reading_text(readout.reading, None if self.work.alone else str(readout.address), plain=plain)


def _error(readout: Readout) -> MBusError:
    return MBusError("not read") if readout.error is None else readout.error


def _object(readout: Readout) -> Mapping[str, Any]:
    """A reading, or in its place why there is none."""
    name = str(readout.address)
    if readout.reading is not None:
        return {**readout.reading.to_dict(), "source": name}
    error = _error(readout)
    octets: bytes = getattr(error, "octets", b"")
    return {
        "schema_version": SCHEMA_VERSION,
        "type": "refusal",
        "source": name,
        "error": {"code": error_code(error), "message": str(error), "offset": getattr(error, "offset", None)},
        "octets": octets.hex().upper(),
    }
