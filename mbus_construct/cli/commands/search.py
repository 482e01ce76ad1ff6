"""`mbus search`: meters by their secondary addresses, with wildcards."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mbus_grammars.base import is_mapping

from ...errors import LocalProtocolError
from ...model.json_values import parse_json
from ..found_meters import Hunt, hunt
from ..line import Line, bus_command
from ..sinks import BusFormat
from .scan import Format, State, Thorough  # noqa: TC001  get_type_hints looks them up here

if TYPE_CHECKING:
    from ...bus.address import SecondaryAddress

_WHOLE: Final = re.compile(r"[0-9A-Fa-f]{16}(/\d{8})?")

Known = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Meters that are known: an address a line, or what search wrote. They are selected first.",
    ),
]


@bus_command(spare="mask", several_baudrates=True, without=("retries",))
def command(
    line: Line,
    *,
    mask: Annotated[
        str | None,
        typer.Argument(
            metavar="MASK", help="Eight or sixteen digits, F or ? for any, * for the rest; default: all."
        ),
    ] = None,
    format_: Format = BusFormat.TEXT,
    state: State = None,
    thorough: Thorough = None,
    known: Known = None,
    only_known: Annotated[
        bool, typer.Option("--only-known", help="Select those that are known and search for no others.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Give up silent masks early, by what was learned; select them again last."
        ),
    ] = False,
) -> None:
    """Search for meters by secondary address; collisions are resolved.

    Try sim: as PORT.

    Exit code 0: meters found; 1: none, or findings that need attention; 2: usage.
    """
    if only_known and known is None:
        raise typer.BadParameter("--only-known needs --known FILE")
    listed = [] if known is None else known_addresses(known)
    hunt(searching(mask, listed, thorough, only_known=only_known, quick=quick), line, format_, state)


def searching(
    mask: str | None,
    known: list[SecondaryAddress],
    thorough: bool | None = None,
    *,
    only_known: bool = False,
    quick: bool = False,
) -> Hunt:
    """The search as something that finds meters. Raises `LocalProtocolError` for a mask that is none."""
    from ...bus.address import parse_secondary  # noqa: PLC0415  decode starts faster without
    from ...bus.secondary_search import SearchState, new_search  # noqa: PLC0415

    wanted = None if mask is None else parse_secondary(mask)

    def new() -> Any:
        state = new_search(wanted, known)
        if only_known:
            state.probes = []
        return state

    what = {"mask": None if wanted is None else str(wanted), "known": [str(a) for a in known]}
    return Hunt(
        "search",
        {**what, "only_known": only_known},
        new,
        SearchState.from_dict,
        lambda session, state: session.search(state=state, thorough=thorough, quick=quick),
    )


def known_addresses(path: Path) -> list[SecondaryAddress]:
    """The secondary addresses in a file: one a line, or JSON, NDJSON or CSV as search writes them.

    Raises `LocalProtocolError` that names what is none.
    """
    from ...bus.address import parse_secondary  # noqa: PLC0415  decode starts faster without

    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LocalProtocolError(f"{path} is no text") from error
    addresses: list[SecondaryAddress] = []
    for where, written in _written(path, text):
        try:
            addresses.append(parse_secondary(written))
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{where}: {error}") from error
    if not addresses:
        raise LocalProtocolError(f"{path} has no address: write one a line")
    return list(dict.fromkeys(addresses))


def _written(path: Path, text: str) -> list[tuple[str, str]]:
    """Each address as it is written, with where it stands."""
    lines = text.splitlines()
    if text.lstrip().startswith(("[", "{")):
        return [(str(path), item) for item in _in_json(path, text)]
    if lines and "secondary_address" in lines[0].split(","):
        rows = list(csv.DictReader(io.StringIO(text)))
        return [(str(path), row["secondary_address"]) for row in rows if row["secondary_address"]]
    numbered = ((number, _secondary_in(line.split("#")[0].strip())) for number, line in enumerate(lines, 1))
    return [(f"{path}, line {number}", line) for number, line in numbered if line]


def _secondary_in(line: str) -> str:
    """The address in a line as search prints it for people: "address 5, 0793534365321004, LSE, ..."."""
    parts = [part.strip() for part in line.split(",")]
    return next((part for part in parts if _WHOLE.fullmatch(part)), line) if len(parts) > 1 else line


def _in_json(path: Path, text: str) -> list[str]:
    items: Any
    try:
        items = parse_json(text)
    except ValueError:
        try:
            items = [parse_json(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise LocalProtocolError(f"{path} is no JSON: {error}") from error
    objects: list[Any] = [items] if is_mapping(items) else items
    found = [item.get("secondary_address") if is_mapping(item) else item for item in objects]
    return [item for item in found if isinstance(item, str)]
