"""A receiver: what is known of the meters so far, for telegrams that say only a part of what they mean.

Compact frames need the format that a full frame taught, fragments the others of their message, and a message
counter says whether a telegram is new.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mbus_grammars import DecodeError
from mbus_grammars.fields import COMPACT_FRAMES, FORMAT_FRAMES, FULL_FRAMES, is_to_meter
from mbus_grammars.record import RecordsFromMeter

from ..decoding.decode import read_by, start
from ..decoding.decrypted import read_opened
from ..decoding.reference import decode_area
from ..model.diagnostic import Diagnostic
from ..octets.hex_text import octets_from
from ..octets.locate import layers_of
from ..security.keys import Keys
from ..security.opening import open_telegram
from .formats import Formats
from .fragments import Fragments

if TYPE_CHECKING:
    from ..decoding.decode import Octets, Started
    from ..model.meter import Meter
    from ..model.record import Record
    from ..model.telegram import Telegram
    from ..octets.locate import AFL, Layers
    from ..security.keys import KeysLike
    from ..security.opening import Opened
    from ..values.to_value import Severity
    from .formats import Full, MeterType

_MAX_COUNTERS: Final = 65536
_WITHOUT_FORMAT: Final = ("unknown_signature", "format_frame")  # remarks of who knows no formats


class Receiver:
    """Decodes telegrams as they come in, and remembers what later ones need.

        receiver = Receiver(keys={"12345678": "0102..."})
        for line in open("capture.txt"):  # of rtl-wmbus, im871a ..., or hex
            for found in captured(line):  # from mbus_construct.captures
                telegram = receiver.decode(found.octets, link=found.link)

    Full frames and format frames teach the formats of compact frames, which are decoded from then on; before,
    a compact frame has the remark "unknown_signature" and no records. Fragments are joined: the telegram of
    the last one has the records of the whole message, with offsets that count in it. A message counter that
    is not above the last one of its meter, or of the commands to it, is remarked as "replayed_counter". All
    that is remembered is bounded.

    Args:
        keys: see `decode`.
        formats: those learned before, such as `Formats.load("formats.json")`; new ones are added to them.
    """

    def __init__(self, keys: KeysLike = None, formats: Formats | None = None) -> None:
        self.keys = Keys.of(keys)
        self.formats = Formats() if formats is None else formats
        self._fragments = Fragments()
        self._counters: OrderedDict[tuple[Meter, bool], int] = OrderedDict()

    def decode(self, data: Octets, *, link: str = "auto") -> Telegram:
        """The next telegram. Arguments and errors as in `decode`."""
        return self.read(start(data if type(data) is bytes else octets_from(data), link))

    def read(self, started: Started) -> Telegram:
        """The next telegram, from octets of which `decode.start` found out what they are."""
        opened: dict[Started, Opened] = {}

        def read(item: Started) -> Telegram:
            opened[item] = open_telegram(item.octets, item.form, self.keys)
            return read_opened(opened[item], item.form, item.frame_format)

        def remember(telegram: Telegram, item: Started) -> Telegram:
            return self._remembered(telegram, opened[item])

        return read_by(started, read, self._inner, remember)

    def _inner(self, octets: bytes) -> Telegram:
        """A telegram that stands in another one."""
        return self.decode(octets, link="wireless")

    def _remembered(self, telegram: Telegram, opened: Opened) -> Telegram:
        """The telegram with what those before say of it."""
        layers = opened.layers
        if layers is None:
            return telegram
        if layers.afl is not None and layers.transport < 0 and telegram.afl is not None:
            return self._joined(telegram, opened, layers, layers.afl)
        return self._known(telegram, opened, layers)

    def _known(self, telegram: Telegram, opened: Opened, layers: Layers) -> Telegram:
        """The telegram with what is known of its meter."""
        telegram = self._counted(telegram)
        ci_field = layers.ci_field
        if telegram.encrypted or telegram.worst == "error" or telegram.frame.ci_field != ci_field:
            return telegram
        kind = _meter_type(telegram.meter)
        if ci_field in FULL_FRAMES:
            if telegram.records:
                self.formats.learn(kind, opened.octets[layers.payload : layers.end])
        elif ci_field in FORMAT_FRAMES:
            return self._taught(telegram, kind)
        elif ci_field in COMPACT_FRAMES and "format_signature" in (telegram.user_data or {}):
            return self._expanded(telegram, kind, layers)
        return telegram

    # --- Compact frames

    def _taught(self, telegram: Telegram, kind: MeterType | None) -> Telegram:
        """A format frame: learned, or what is wrong with it."""
        user_data = telegram.user_data or {}
        headers = bytes.fromhex(user_data["payload"])[: max(user_data["length"] - 2, 0)]
        try:
            self.formats.learn_format(kind, user_data["format_signature"], headers)
        except DecodeError as error:
            return _damaged(telegram, error.code, f"format frame: {error.message}")
        return telegram

    def _expanded(self, telegram: Telegram, kind: MeterType | None, layers: Layers) -> Telegram:
        """A compact frame with the records of the full frame that it stands for."""
        user_data = telegram.user_data or {}
        data = bytes.fromhex(user_data["payload"])
        full = self.formats.full(kind, user_data["format_signature"], user_data["full_frame_crc"], data)
        place = layers.end - len(data)
        if full.state == "unknown_signature":
            return telegram
        if full.state != "ok":
            offset = None if full.offset is None else place + full.offset
            return _damaged(telegram, full.state, f"compact frame: {full.reason}", offset)
        remarks = tuple(item for item in telegram.diagnostics if item.code != "unknown_signature")
        records, own = _records(full, place)
        return replace(telegram, records=records, diagnostics=(*remarks, *own))

    # --- Fragments

    def _joined(self, telegram: Telegram, opened: Opened, layers: Layers, afl: AFL) -> Telegram:
        """The telegram of a fragment; that of the last one has the whole message."""
        remarks = tuple(item for item in telegram.diagnostics if item.code != "fragment")
        if not layers.link_address:
            told = f"fragment {afl.fragment} of a message; only fragments that came by radio are joined"
            return replace(telegram, diagnostics=(*remarks, Diagnostic("info", "fragment", told)))
        joined = self._fragments.join(opened.octets, layers)
        if joined.octets is None:
            severity: Severity = "error" if joined.lost else "info"
            remark = Diagnostic(severity, "fragment_missing" if joined.lost else "fragment", joined.reason)
            return replace(telegram, diagnostics=(*remarks, remark))
        whole = open_telegram(joined.octets, "wireless", self.keys)
        message = read_opened(whole, "wireless")
        found = layers_of(whole.octets, "wireless")
        if found is not None:
            message = self._known(message, whole, found)
        wrong_mac = message.security is not None and message.security.mac == "wrong"
        if not wrong_mac and message.worst != "error":
            self._fragments.close(opened.octets, layers)
        frame = replace(telegram.frame, ci_field=message.frame.ci_field)
        remark = Diagnostic("info", "joined", "joined from fragments; offsets count in the whole message")
        return replace(message, frame=frame, ell=telegram.ell, diagnostics=(remark, *message.diagnostics))

    # --- Counters

    def _counted(self, telegram: Telegram) -> Telegram:
        """The telegram with a remark where its message counter is not a new one.

        Commands have counters of their own, which somebody else counts, and keys of their own.
        """
        security, meter = telegram.security, telegram.meter
        if security is None or security.mac != "verified" or meter is None:
            return telegram
        counter = security.message_counter
        if counter is None and telegram.afl is not None:
            counter = telegram.afl.message_counter
        if counter is None:
            return telegram
        to_meter = is_to_meter(telegram.frame.ci_field, telegram.frame.c_field)
        last = self._counters.get((meter, to_meter))
        if last is not None and counter <= last:
            whose = "to this meter" if to_meter else "of this meter"
            told = (
                f"message counter {counter} is not above {last}, the last one {whose}: repeated or replayed"
            )
            remark = Diagnostic("warning", "replayed_counter", told)
            return replace(telegram, diagnostics=(*telegram.diagnostics, remark))
        self._counters[meter, to_meter] = counter
        self._counters.move_to_end((meter, to_meter))
        if len(self._counters) > _MAX_COUNTERS:
            self._counters.popitem(last=False)
        return telegram


def _meter_type(meter: Meter | None) -> MeterType | None:
    if meter is None or meter.manufacturer is None or meter.version is None or meter.device_type is None:
        return None
    return meter.manufacturer, meter.version, meter.device_type


def _damaged(telegram: Telegram, code: str, message: str, offset: int | None = None) -> Telegram:
    """The telegram of a compact frame or format frame with the remark what is wrong with it."""
    remark = Diagnostic("error", code, message, offset)
    remarks = tuple(item for item in telegram.diagnostics if item.code not in _WITHOUT_FORMAT)
    return replace(telegram, diagnostics=(*remarks, remark))


def _records(full: Full, place: int) -> tuple[tuple[Record, ...], tuple[Diagnostic, ...]]:
    """The records of a full frame, each where its data stand in the compact frame, and the remarks."""
    expanded = decode_area(full.records, RecordsFromMeter)
    moved = [
        replace(record, offset=place + where.source)
        for record, where in zip(expanded.records, full.places, strict=True)
    ]
    remarks = [
        replace(item, offset=None if item.record is None else moved[item.record].offset)
        for item in expanded.diagnostics
    ]
    return tuple(moved), tuple(remarks)
