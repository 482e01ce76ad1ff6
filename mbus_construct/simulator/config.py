"""A simulated bus from a TOML file: `[bus]`, `[[meter]]` with `[[meter.record]]`, and `[[fleet]]`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any, Final

from mbus_grammars import BuildError, MBusError
from mbus_grammars.base import is_mapping
from mbus_grammars.fields import DEVICE_TYPE_NAMES

from ..bus.slave import Behaviour
from ..bus.timing import FIRST_ANSWER_BITS, LAST_ANSWER, LAST_ANSWER_BITS
from ..errors import LocalProtocolError
from ..model.json_shapes import RecordDict
from .bus import SimulatedBus
from .faults import LASTING, OF_ONE_METER, Fault, parse_fault
from .meters import SimulatedMeter
from .records import BEHAVIOUR_KEYS

_BUILTIN: Final = "builtin.toml"

# What each table may hold.
BUS_KEYS: Final = ("baudrate", "seed", "faults", "bad_characters")
METER_KEYS: Final = (
    "name",
    "primary_address",
    "identification_number",
    "manufacturer",
    "version",
    "device_type",
    "telegrams",
    "record",
    "fixed",
    "access_number",
    "keeps_access_number",
    "status",
    "alarm",
    "fabrication_number",
    "writable",
    "delay",
    "delay_seconds",
    "baudrate",
    "faults",
    "options",
    "key",
    "security_mode",
)
FLEET_KEYS: Final = (
    "count",
    "first_primary_address",
    "first_identification_number",
    "random",
    "octets",
    "telegrams",
    "manufacturer",
    "version",
    "device_type",
    "delay",
    "delay_seconds",
    "faults",
    "options",
)
FAULT_KEYS: Final = ("name", "probability", "at", "in_a_row", "seconds")
OPTION_KEYS: Final = tuple(item.name for item in fields(Behaviour))
_OF_ENCODE: Final = (
    "quantity",
    "unit",
    "value",
    "value_type",
    "function",
    "storage_number",
    "tariff",
    "subunit",
    "qualifiers",
    "flags",
    "data_field",
    "dib",
    "vib",
    "data",
)
RECORD_KEYS: Final = (*(key for key in _OF_ENCODE if key in RecordDict.__annotations__), *BEHAVIOUR_KEYS)

# Octets of a long frame beside its records: link layer 9, header 12.
_OVERHEAD: Final = 21
_OCTETS_OF_RECORD: Final = 6
_MOST_OCTETS: Final = 255


class BusFileError(LocalProtocolError):
    """The bus file does not say what a bus is: file, table, key, and what would do."""


class _Table:
    """A table of the file, whose name stands in every complaint."""

    def __init__(self, content: object, file: str, name: str, keys: Sequence[str]) -> None:
        self.file = file
        self.name = name
        if not is_mapping(content):
            raise BusFileError(f"{file}: {name} is {content!r}; it is a table")
        self.content: Mapping[str, Any] = content
        for key in content:
            if key not in keys:
                raise BusFileError(f"{file}: {name} has no key {key!r}; there are {', '.join(keys)}")

    def refuse(self, key: str, limit: str) -> BusFileError:
        return BusFileError(f"{self.file}: {self.name}: {key} = {self.content.get(key)!r}; it is {limit}")

    def get(self, key: str, kind: type | tuple[type, ...], limit: str, default: Any = None) -> Any:
        """A value of a type; true and false are no numbers."""
        value = self.content.get(key, default)
        wrong = isinstance(value, bool) and kind is not bool
        if value is default and key not in self.content:
            return default
        if wrong or not isinstance(value, kind):
            raise self.refuse(key, limit)
        return value

    def number(self, key: str, low: float, high: float, default: Any = None, whole: bool = True) -> Any:
        limit = f"a number from {low:g} to {high:g}"
        value = self.get(key, int if whole else (int, float), limit, default)
        if value is not default and not low <= value <= high:
            raise self.refuse(key, limit)
        return value

    def text(self, key: str, limit: str = "a text in quotes") -> str | None:
        found: str | None = self.get(key, str, limit)
        return found

    def items(self, key: str, limit: str) -> list[Any]:
        found: list[Any] = self.get(key, list, limit, [])
        return found

    def built(self, make: Callable[[], Any]) -> Any:
        """What the call gives; its complaint gets file and table in front."""
        try:
            return make()
        except BusFileError:
            raise
        except (MBusError, ValueError) as error:
            raise BusFileError(f"{self.file}: {self.name}: {error}") from error


def load(path: str | Path) -> SimulatedBus:
    """The bus that a TOML file describes.

    Raises `BusFileError` where the file cannot be read or does not describe one.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BusFileError(f"{path}: {reason}; give the path of a bus file (TOML)") from error
    return loads(text, str(path))


def builtin() -> SimulatedBus:
    """The bus behind `sim:`: five meters, two of them at one primary address."""
    return loads(builtin_text(), _BUILTIN)


def builtin_text() -> str:
    """The TOML of the built-in bus, to start from."""
    return files(__package__ or "").joinpath(_BUILTIN).read_text(encoding="utf-8")


def loads(text: str, name: str = "bus file") -> SimulatedBus:
    """The bus that TOML text describes; `name` stands in the complaints. Raises `BusFileError`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BusFileError(f"{name}: {error}; correct the TOML there") from error
    top = _Table(content, name, "the file", ("bus", "meter", "fleet"))
    bus = _Table(content.get("bus", {}), name, "[bus]", BUS_KEYS)
    seed = bus.number("seed", 0, 2**63, 0)
    meters: list[SimulatedMeter] = []
    for index, item in enumerate(top.items("meter", "tables [[meter]]")):
        meters.append(_meter(_Table(item, name, f"[[meter]] {index + 1}", METER_KEYS)))
    for index, item in enumerate(top.items("fleet", "tables [[fleet]]")):
        meters += _fleet(_Table(item, name, f"[[fleet]] {index + 1}", FLEET_KEYS), seed)
    if bus.content.get("bad_characters", "zero") not in ("as received", "zero", "dropped"):
        raise bus.refuse("bad_characters", '"as received", "zero" or "dropped"')
    built: SimulatedBus = bus.built(
        lambda: SimulatedBus(
            meters,
            baudrate=bus.get("baudrate", int, "a baud rate such as 2400", 2400),
            seed=seed,
            faults=_faults(bus, None),
            bad_characters=bus.content.get("bad_characters", "as received"),
        )
    )
    return built


def _meter(table: _Table) -> SimulatedMeter:
    content = table.content
    records = [
        _record(_Table(item, table.file, f"[[meter.record]] {index + 1} of {table.name}", RECORD_KEYS))
        for index, item in enumerate(table.items("record", "tables [[meter.record]]"))
    ]
    alarm = table.text("alarm", "hex digits in quotes") or ""
    meter: SimulatedMeter = table.built(
        lambda: SimulatedMeter(
            table.number("primary_address", 0, 250),
            [_hex(table, item) for item in table.items("telegrams", "a list of telegrams as hex digits")],
            records=records,
            fixed=table.get("fixed", Mapping, "a table", None),
            identification_number=table.text("identification_number", "eight digits in quotes"),
            access_number=table.number("access_number", 0, 255),
            keeps_access_number=table.get("keeps_access_number", bool, "true or false", False),
            status=table.number("status", 0, 255),
            alarm=bytes.fromhex(alarm),
            fabrication_number=table.text("fabrication_number", "eight digits in quotes"),
            writable=table.get("writable", bool, "true or false", False),
            name=table.text("name"),
            baudrate=table.get("baudrate", int, "a baud rate such as 2400"),
            key=_key(table),
            security_mode=table.number("security_mode", 0, 31),
            **_common(table),
        )
    )
    if not content:
        raise BusFileError(f"{table.file}: {table.name} is empty; it has telegrams, record or fixed")
    return meter


def _key(table: _Table) -> str | None:
    """The key of a meter; what is wrong with it is said without showing it."""
    given = table.content.get("key")
    if given is not None and not isinstance(given, str):
        raise BusFileError(f"{table.file}: {table.name}: key is no text; it is 32 hex digits in quotes")
    return given


def _common(table: _Table) -> dict[str, Any]:
    """What a meter and a fleet have in common."""
    return {
        "manufacturer": table.text("manufacturer", "three letters in quotes"),
        "version": table.number("version", 0, 255),
        "device_type": _device_type(table),
        "delay": table.number("delay", FIRST_ANSWER_BITS, LAST_ANSWER_BITS, whole=False),
        "delay_seconds": table.number("delay_seconds", 0, LAST_ANSWER, 0.0, whole=False),
        "behaviour": _behaviour(table),
        "faults": _faults(table, OF_ONE_METER),
    }


def _hex(table: _Table, item: object) -> bytes | str:
    if not isinstance(item, str):
        raise table.refuse("telegrams", "a list of telegrams as hex digits in quotes")
    return item


def _device_type(table: _Table) -> int | None:
    given = table.get("device_type", (int, str), "a number from 0 to 255 or a name in quotes")
    if given is None:
        return None
    number = DEVICE_TYPE_NAMES.value(given)
    if number is None or not 0 <= number <= 255:
        raise table.refuse("device_type", DEVICE_TYPE_NAMES.limit(given))
    return int(number)


def _record(table: _Table) -> dict[str, Any]:
    """A record as `SimulatedMeter` takes it; TOML's own dates are dates."""
    record = dict(table.content)
    for key in ("value", "clock"):
        if isinstance(record.get(key), date | datetime):
            record[key] = record[key].isoformat()
    return record


def _behaviour(table: _Table) -> Behaviour:
    options = _Table(table.content.get("options", {}), table.file, f"options of {table.name}", OPTION_KEYS)
    values: dict[str, Any] = {}
    plain = Behaviour()
    for key, value in options.content.items():
        default = getattr(plain, key)
        if isinstance(default, bool):
            values[key] = options.get(key, bool, "true or false")
        elif isinstance(default, tuple):
            values[key] = tuple(options.items(key, "a list of baud rates"))
        elif isinstance(default, str):
            if value not in ("works", "silent", "ignored"):
                raise options.refuse(key, '"works", "silent" or "ignored"')
            values[key] = value
        else:
            values[key] = options.number(key, 0, 1e9, whole=isinstance(default, int))
    return Behaviour(**values)


def _faults(table: _Table, allowed: frozenset[str] | None) -> list[Fault]:
    """Faults by name ("noise", "noise=0.1"), or as tables with name and when they strike."""
    found: list[Fault] = []
    for item in table.items("faults", "a list of names, or of tables with name"):
        name = f"faults of {table.name}"
        content = {"name": item} if isinstance(item, str) else item
        entry = _Table(content, table.file, name, FAULT_KEYS)
        make = partial(parse_fault, item) if isinstance(item, str) else partial(_fault, entry)
        found.append(entry.built(make))
        if allowed is not None and found[-1].name not in allowed:
            raise entry.refuse(
                "name", f"a fault of the whole bus; those of a meter: {', '.join(sorted(allowed))}"
            )
    return found


def _fault(table: _Table) -> Fault:
    values: dict[str, Any] = {"name": table.text("name", "a name in quotes") or ""}
    if values["name"] not in LASTING or "probability" in table.content:
        values["probability"] = table.number("probability", 0, 1, 1.0, whole=False)
    for key in ("at", "seconds"):
        if key in table.content:
            limit = "a list of numbers"
            given = table.items(key, limit)
            if any(isinstance(number, bool) or not isinstance(number, int | float) for number in given):
                raise table.refuse(key, limit)
            if key == "seconds" and len(given) != 2:
                raise table.refuse(key, "two numbers, least and most seconds")
            values[key] = tuple(given)
    values["in_a_row"] = table.number("in_a_row", 0, 1000, 2)
    return Fault(**values)


# --- Fleets --------------------------------------------------------------------------------------


def _fleet(table: _Table, seed: int) -> list[SimulatedMeter]:
    count = table.number("count", 1, 100_000)
    if count is None:
        raise table.refuse("count", "how many meters")
    first = table.number("first_primary_address", 0, 250)
    octets = table.number("octets", _OVERHEAD + _OCTETS_OF_RECORD, _MOST_OCTETS, 100)
    telegrams = table.number("telegrams", 1, 100, 1)
    digits = table.text("first_identification_number", "eight digits in quotes") or "10000000"
    at_random = table.get("random", bool, "true or false", False)
    common = _common(table)
    common = {key: item for key, item in common.items() if item is not None}
    made: list[SimulatedMeter] = table.built(
        lambda: fleet(
            count,
            first_primary_address=first,
            first_identification_number=digits,
            random=at_random,
            octets=octets,
            telegrams=telegrams,
            seed=seed,
            **common,
        )
    )
    return made


def fleet(
    count: int,
    *,
    first_primary_address: int | None = None,
    first_identification_number: str = "10000000",
    random: bool = False,
    octets: int = 100,
    telegrams: int = 1,
    seed: int = 0,
    **common: Any,
) -> list[SimulatedMeter]:
    """So many meters, with replies of about so many octets.

    Args:
        count: of meters.
        first_primary_address: of the first, counting on from there; None for 0 (not configured), and again
            from 1 on behind 250.
        first_identification_number: of the first, counting on from there.
        random: identification numbers at random instead, by the seed, none of them twice.
        octets: of each reply frame, 27 to 255.
        telegrams: of each readout.
        seed: of the identification numbers and the values.
        **common: further arguments of `SimulatedMeter` for all of them.

    Raises `BuildError` naming what does not fit.
    """
    if not (len(first_identification_number) == 8 and first_identification_number.isdecimal()):
        raise BuildError("first_identification_number", first_identification_number, "eight digits")
    numbers = Random(f"fleet:{seed}")  # noqa: S311  repeatable
    identifications: Sequence[int] = (
        numbers.sample(range(10**8), count)
        if random
        else range(int(first_identification_number), int(first_identification_number) + count)
    )
    if identifications[-1] >= 10**8:
        raise BuildError("count", count, f"up to 99999999 from {first_identification_number} on")
    meters: list[SimulatedMeter] = []
    for index, identification in enumerate(identifications):
        address = 0 if first_primary_address is None else first_primary_address + index
        meters.append(
            SimulatedMeter(
                address if address <= 250 else (address - 1) % 250 + 1,
                records=_fleet_records(octets, telegrams, numbers),
                identification_number=f"{identification:08d}",
                **common,
            )
        )
    return meters


def _fleet_records(octets: int, telegrams: int, numbers: Random) -> list[dict[str, Any]]:
    """Volumes with storage numbers 0 (it moves), 1, 2 ..., each telegram as long as wanted."""
    records: list[dict[str, Any]] = []
    for telegram in range(1, telegrams + 1):
        more = telegram < telegrams
        space = octets - _OVERHEAD - more
        first = len(records)
        while len(records) == first or space > _OCTETS_OF_RECORD + (len(records) > 31):
            storage = len(records)
            records.append(
                {
                    "telegram": telegram,
                    "quantity": "volume",
                    "unit": "m³",
                    "value": f"{numbers.randrange(10**8) / 1000:.3f}",
                    "data_field": "8 digit BCD",
                    "storage_number": storage,
                    **({} if storage else {"rate": "0.25"}),
                }
            )
            space -= _OCTETS_OF_RECORD + (storage > 1) + (storage > 31)
    return records
