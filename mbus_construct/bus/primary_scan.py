"""The search for primary addresses: every one is asked in turn. MBDOC48 5.3, 5.4."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from ..decoding.decode import decode
from .address import LAST_PRIMARY, UNCONFIGURED
from .events import Finding, FoundMeter, Progress, found
from .procedure import ATTEMPTS, Outcome, Procedure, Request, ask
from .readout import ACKNOWLEDGEMENT, ask_for_data, describe, initialise, is_shared, request_data

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL: Final = tuple(range(UNCONFIGURED, LAST_PRIMARY + 1))

_VERIFY_ATTEMPTS: Final = 2


@dataclass
class ScanState:
    """How far a scan is; a new scan goes on from there.

    Attributes:
        pending: addresses that are still to be asked.
        silent: addresses that did not answer; they are asked again where the bus is not sound.
        found: the meters so far.
        trouble: whether something was garbled or lost.
        verifying: whether the silent ones are asked again.
    """

    pending: list[int] = field(default_factory=lambda: list(ALL))
    silent: list[int] = field(default_factory=list[int])
    found: list[FoundMeter] = field(default_factory=list[FoundMeter])
    trouble: bool = False
    verifying: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape. Telegrams are kept as octets."""
        return {
            "type": "scan",
            "pending": list(self.pending),
            "silent": list(self.silent),
            "found": [meter.to_dict() for meter in self.found],
            "trouble": self.trouble,
            "verifying": self.verifying,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ScanState:
        """The state that `to_dict` gave."""
        return cls(
            list(values["pending"]),
            list(values["silent"]),
            [FoundMeter.from_dict(meter) for meter in values["found"]],
            values["trouble"],
            values["verifying"],
        )


def scan(
    state: ScanState,
    *,
    baudrate: int = 2400,
    thorough: bool | None = None,
) -> Procedure[list[FoundMeter]]:
    """Ask every pending address: SND_NKE, and where something answers REQ_UD2 for its identification.

    An acknowledgement alone is no proof of one meter: two give the same E5. Addresses that were silent are
    asked again where the bus has shown itself unsound (`thorough` None), always (True) or never (False).

    Emits `FoundMeter`, `Finding` and `Progress` as it goes; `state` is up to date at every event.
    """
    while True:
        while state.pending:
            address = state.pending[0]
            yield Progress(*_progress(state), address)
            yield from _ask_address(state, address, baudrate, final=state.verifying or thorough is False)
        unsound = state.trouble if thorough is None else thorough
        if state.verifying or not unsound or not state.silent:
            return state.found
        state.pending, state.silent, state.verifying = state.silent, [], True


def _progress(state: ScanState) -> tuple[float, float]:
    done = len(state.silent) + len(state.found)
    return done, done + len(state.pending)


def _ask_address(state: ScanState, address: int, baudrate: int, *, final: bool) -> Procedure[None]:
    attempts = _VERIFY_ATTEMPTS if state.verifying else 1
    outcome = yield from ask(Request("SND_NKE", address, attempts=attempts))
    meter: FoundMeter | None = None
    finding: Finding | None = None
    if outcome.kind != "silence":
        meter, finding = yield from _identify(address, outcome, baudrate)
    if finding is not None and finding.code == "unreadable" and not final:
        # Late acknowledgements look like that too: it is asked once more when the others have been.
        meter, finding = None, replace(finding, severity="info", code="noise")
    state.trouble = state.trouble or finding is not None or outcome.attempts > 1 or bool(outcome.garbled)
    state.pending.pop(0)
    if meter is not None:
        state.found.append(meter)
        yield meter
    elif finding is None or finding.code == "noise":
        state.silent.append(address)
    if finding is not None:
        yield finding


def _identify(
    address: int, pinged: Outcome, baudrate: int
) -> Procedure[tuple[FoundMeter | None, Finding | None]]:
    """Who answered: the meter and what is to be said of it."""
    who = describe(address)
    outcome, error = yield from ask_for_data(address, request_data(address, attempts=ATTEMPTS))
    if error is not None:
        meter = FoundMeter(address, None, octets=outcome.octets, baudrate=baudrate, remark=str(error))
        return meter, Finding("warning", "unreadable", str(error), address)
    if outcome.kind == "data":
        doubtful = outcome.garbled or ACKNOWLEDGEMENT in (*outcome.foreign, *outcome.before)
        if doubtful and (yield from is_shared(address)):
            # Who was still acknowledging did not hear the request: one of them has answered it alone.
            message = f"collision at {who}: another meter has this address too; search by secondary address"
            meter = replace(found(outcome.octets, baudrate), remark=f"shares {who} with another meter")
            return meter, Finding("warning", "collision", message, address)
        lost = outcome.attempts > 1 or pinged.kind != "ack"
        note = Finding("info", "noise", f"{who}: octets were lost or disturbed", address) if lost else None
        return found(outcome.octets, baudrate), note
    if outcome.kind == "garbled":
        message = f"collision at {who}: several meters answer at once; search by secondary address"
        return None, Finding("warning", "collision", message, address)
    if outcome.kind == "foreign":
        other = decode(outcome.foreign[-1], link="frame").frame.a_field
        message = f"{who}: the answer comes from address {other}"
        return None, Finding("warning", "other_meter", message, address)
    again = yield from initialise(address, attempts=2)
    if again.kind == "ack":
        message = f"{who}: acknowledges, but gives no data"
        remark = "acknowledges, but gives no data"
        return FoundMeter(address, None, baudrate=baudrate, remark=remark), Finding(
            "warning", "unreadable", message, address
        )
    return None, Finding("info", "noise", f"{who}: noise, or a late answer of another meter", address)


def pending(addresses: Iterable[int]) -> ScanState:
    """The state of a scan of these addresses that has not begun."""
    return ScanState(pending=list(addresses))
