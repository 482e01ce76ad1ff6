"""What `mbus scan` and `mbus search` share: states, one or several baud rates, and how meters are written."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import typer

from .line import Line, connected, say
from .sinks import BusFormat, Sink
from .state import StateFile
from .watching import Watching

if TYPE_CHECKING:
    from ..bus.events import Finding, FoundMeter
    from ..bus.procedure import Procedure
    from ..bus.session import Session

COLUMNS: Final = (
    "primary_address",
    "secondary_address",
    "identification_number",
    "manufacturer",
    "version",
    "device_type",
    "device_type_name",
    "baudrate",
    "mask",
    "remark",
)


class BusState(Protocol):
    """What a scan or a search knows; see `ScanState` and `SearchState`."""

    found: list[FoundMeter]

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        ...


@dataclass(frozen=True)
class Hunt:
    """A way to find meters.

    Attributes:
        name: "scan" or "search".
        what: was asked for, for the state file.
        new, load: make a state.
        procedure: goes on from a state.
    """

    name: str
    what: Mapping[str, Any]
    new: Callable[[], BusState]
    load: Callable[[dict[str, Any]], BusState]
    procedure: Callable[[Session, Any], Procedure[list[FoundMeter]]]


@dataclass
class Run:
    """A hunt at one baud rate."""

    baudrate: int
    state: BusState
    complete: bool = False


@dataclass
class Hunting:
    """A hunt at one or several baud rates, and its state file."""

    hunt: Hunt
    line: Line
    path: Path | None
    runs: list[Run] = field(default_factory=list[Run])
    earlier: list[Finding] = field(default_factory=list[Any])
    resumed: bool = False

    def __post_init__(self) -> None:
        self.watching = Watching(self.hunt.name, bar=not self.line.debug)
        bus = {"port": self.line.port, "baudrates": list(self.line.baudrates)}
        what = {"command": self.hunt.name, **self.hunt.what, **bus}
        self.file = StateFile(self.path, what, self.content)
        values = self.file.load()
        if values is None:
            self.runs = [Run(rate, self.hunt.new()) for rate in self.line.baudrates]
            return
        self.resumed = True
        with self.file.whole():
            for run in values["runs"]:
                self.runs.append(Run(run["baudrate"], self.hunt.load(run["state"]), run["complete"]))
            self.earlier = [finding_from(item) for item in values["findings"]]

    def content(self) -> dict[str, Any]:
        """What is saved."""
        return {
            "runs": [
                {"baudrate": run.baudrate, "complete": run.complete, "state": run.state.to_dict()}
                for run in self.runs
            ],
            "findings": [finding.to_dict() for finding in self.watching.findings],
        }

    def say_where_it_goes_on(self) -> None:
        """Tell what is known from before."""
        if not self.resumed:
            return
        count = sum(len(run.state.found) for run in self.runs)
        if all(run.complete for run in self.runs):
            say(f"{self.path}: this {self.hunt.name} is complete; remove the file to begin anew")
        else:
            say(f"{self.path}: going on, {count} meter{'s' if count != 1 else ''} found so far")

    def meters(self) -> Generator[FoundMeter, None, None]:
        """Those of before, then each that is found, when it is."""
        from ..bus.events import Finding, FoundMeter  # noqa: PLC0415  decode starts faster without

        for finding in self.earlier:
            self.watching.tell(finding)
        for run in self.runs:
            yield from list(run.state.found)
        if all(run.complete for run in self.runs):
            return
        self.file.save()
        with connected(self.line) as client, self.watching:
            try:
                for run in self.runs:
                    if run.complete:
                        continue
                    client.session.baudrate = run.baudrate
                    for event in self.watching.events(client, self._saved(client.session, run)):
                        if isinstance(event, FoundMeter):
                            yield event
                        if isinstance(event, FoundMeter | Finding):
                            self.file.save()
                    run.complete = True
            finally:
                self.file.save()

    def _saved(self, session: Session, run: Run) -> Procedure[Any]:
        """The hunt; its state is saved as it goes."""
        from ..bus.events import Progress  # noqa: PLC0415  decode starts faster without

        procedure = self.hunt.procedure(session, run.state)
        answer: Any = None
        while True:
            try:
                step = procedure.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(step, Progress):
                self.file.progressed()
            answer = yield step


def hunt(hunt: Hunt, line: Line, format_: BusFormat, path: Path | None) -> None:
    """Find meters and write them; ends the command."""
    hunting = Hunting(hunt, line, path)
    several = len(line.baudrates) > 1
    sink = Sink["FoundMeter"](
        format_,
        to_dict=lambda meter: meter.to_dict(),
        rows=lambda meter: [_row(meter)],
        columns=COLUMNS,
        text=lambda meter: f"{meter}, {meter.baudrate} baud" if several else str(meter),
    )
    hunting.say_where_it_goes_on()
    count = 0
    try:
        with closing(hunting.meters()) as meters:
            for meter in meters:
                with hunting.watching.paused():
                    sink.write(meter)
                count += 1
    except KeyboardInterrupt:
        raise interrupted(hunt.name, path) from None
    finally:
        sink.end()
    if not count:
        say(f"no meter answers; `mbus doctor {line.port}` says why")
    raise typer.Exit(0 if count and not hunting.watching.attention else 1)


def interrupted(name: str, path: Path | None) -> KeyboardInterrupt:
    """The interrupt of a command that may have a state."""
    how = "what is written so far is not all" if path is None else f"the same command goes on from {path}"
    return KeyboardInterrupt(f"{name} interrupted; {how}")


def _row(meter: FoundMeter) -> dict[str, Any]:
    values = meter.to_dict()
    values |= values["meter"] or {}
    return {name: value for name, value in values.items() if name in COLUMNS}


def finding_from(values: Mapping[str, Any]) -> Finding:
    """The finding that `to_dict` gave."""
    from ..bus.address import parse_secondary  # noqa: PLC0415  decode starts faster without
    from ..bus.events import Finding  # noqa: PLC0415

    address = values["address"]
    where = parse_secondary(address) if isinstance(address, str) else address
    return Finding(values["severity"], values["code"], values["message"], where)
