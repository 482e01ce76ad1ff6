"""The header of a wireless telegram as pyMeterBus shows it: who sends, and how the data are protected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.fields import CI_ROWS, HEADER_BEHIND, IdentificationNumber, Manufacturer, ci_field_of
from mbus_grammars.fields import Status as StatusBits
from mbus_grammars.places import ADDRESS_SIZE, HEADERS, NO_HEADER
from mbus_grammars.security import MODE_5, MODE_7, SECURITY_MODE_NAMES, ConfigurationField

from ..security.modes import mode5_iv
from ..security.opening import open_telegram
from .field import HeaderField
from .headers import hex_numbers
from .json_text import json_text
from .keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.telegram import Telegram
    from ..security.keys import KeyLike

_MANUFACTURER_SPECIFIC: Final = frozenset(
    code for code, row in CI_ROWS.items() if row.name == "manufacturer specific"
)

# The grammar's names of the fields -> pyMeterBus's.
_NAMES: Final = {
    "identification_number": "id_nr_field",
    "manufacturer": "manufacturer_field",
    "version": "version_field",
    "device_type": "device_field",
    "access_number": "acc_nr_field",
    "status": "status_field",
    "configuration_field": "configuration_field",
}

# The modes that pyMeterBus has names for, and the length of the initialization vectors of zeros.
_MODE_NAMES: Final = {
    0: "No encryption used",
    2: "DES encryption with CBC; IV is zero (deprecated)",
    3: "DES encryption with CBC; IV is not zero (deprecated)",
    4: "AES encryption with CBC; IV is zero",
    5: "AES encryption with CBC; IV is not zero",
}
_ZERO_IVS: Final = {2: 8, 4: 16, MODE_7: 16}

# "any application error" and "abnormal condition or alarm" in the lowest bits of the status.
_APPLICATION_ERRORS: Final = (2, 3)


class WTelegramBaseDataHeader:
    """Address, CI field and header of a wireless telegram.

    The address is that of the long header, where there is one, else that of the link layer; the CI field is
    the one in front of the data. `parts` of the fields are as sent, those of `configuration_field` the other
    way round. `decryption_field` holds the two octets behind the header that tell a right key from a wrong
    one, as sent. A field that the telegram does not have has no parts.
    """

    def __init__(self) -> None:
        self.manufacturer_field = HeaderField()
        self.id_nr_field = HeaderField()
        self.version_field = HeaderField()
        self.device_field = HeaderField()
        self.ci_field = HeaderField()
        self.acc_nr_field = HeaderField()
        self.status_field = HeaderField()
        self.configuration_field = HeaderField()
        self.decryption_field = HeaderField()

    @staticmethod
    def add_decryption_key(id_nr: bytes | bytearray | str, key: KeyLike) -> None:
        """See `add_wmbus_encryption_key`."""
        KEYS.add(id_nr, key)

    def read(self, telegram: Telegram, verification: bytes) -> None:
        """Take the fields of a telegram; `verification`: see `decryption_field`."""
        meter = telegram.meter
        if meter is not None:
            self.id_nr_field.parts = IdentificationNumber.build(meter.identification_number)
            self.manufacturer_field.parts = meter.manufacturer and Manufacturer.build(meter.manufacturer)
            self.version_field.parts = meter.version
            self.device_field.parts = meter.device_type
        self.ci_field.parts = telegram.frame.ci_field
        self.acc_nr_field.parts = telegram.access_number
        self.status_field.parts = None if telegram.status is None else telegram.status.octet
        configuration = telegram.configuration_field
        self.configuration_field.parts = None if configuration is None else configuration.to_bytes(2, "big")
        self.decryption_field.parts = verification

    @property
    def length(self) -> int:
        """Octets of link address, CI field, header and `decryption_field`."""
        header = HEADERS.get(self._header, NO_HEADER)
        return ADDRESS_SIZE + len(self.ci_field) + header.size + len(self.decryption_field)

    @property
    def id_nr(self) -> list[int]:
        """The octets of the identification number as people read them."""
        return self.id_nr_field.parts[::-1]

    @property
    def address(self) -> list[int]:
        """The octets of identification number, version and device type."""
        return self.id_nr_field.parts + self.version_field.parts + self.device_field.parts

    @property
    def isLSBOrder(self) -> bool:
        """Whether the meter sends the least significant octet first: always by radio."""
        return True

    @property
    def without_tl(self) -> bool:
        """Whether data follow the CI field at once."""
        return self._header == "none"

    @property
    def short_tl(self) -> bool:
        """Whether the header is short."""
        return self._header == "short"

    @property
    def long_tl(self) -> bool:
        """Whether the header is long."""
        return self._header == "long"

    @property
    def manu_tl(self) -> bool:
        """Whether the CI field says that the rest is the manufacturer's."""
        return self._ci in _MANUFACTURER_SPECIFIC

    @property
    def has_errors(self) -> bool:
        """Whether the status names an error or alarm."""
        if not self.status_field.parts:
            return False
        status = StatusBits.unpack(self.status_field.parts[0])
        flags = ("power_low", "permanent_error", "temporary_error")
        return int(status["application"]) in _APPLICATION_ERRORS or any(status[name] for name in flags)

    # --- Security

    @property
    def encryption_mode(self) -> int | None:
        """The security mode; None without configuration field."""
        if not self.configuration_field.parts:
            return None
        number = int.from_bytes(self.configuration_field.parts_bytes, "big")
        return int(ConfigurationField.unpack(number)["security_mode"])

    @property
    def encryption_name(self) -> str | None:
        """The security mode in words."""
        mode = self.encryption_mode
        if mode is None:
            return None
        return _MODE_NAMES.get(mode) or SECURITY_MODE_NAMES.codes[mode].name or "Reserved"

    @property
    def crypto_iv(self) -> bytearray | None:
        """The initialization vector; None where the mode has none, or one that is not known here."""
        mode = self.encryption_mode
        if mode == MODE_5:
            address = self.manufacturer_field.parts_bytes + bytes(self.address)
            return bytearray(mode5_iv(address, self.acc_nr_field.parts[0]))
        return bytearray(_ZERO_IVS[mode]) if mode in _ZERO_IVS else None

    def decrypt(self, data: Iterable[int]) -> list[int] | bool | None:
        """The octets behind the header in plain, decrypted with the meter's key.

        False where there is no key, or a wrong one; None in other modes than 5. `load` has done it already.
        """
        if self.encryption_mode != MODE_5:
            return None
        header = [getattr(self, _NAMES[name]).parts for name in HEADERS["long"].places]
        header[-1] = header[-1][::-1]  # the configuration field
        head = bytes([ci_field_of("records", "long"), *(part for parts in header for part in parts)])
        opened = open_telegram(head + bytes(data), "ci_field", KEYS.keys)
        return list(opened.octets[len(head) :]) if opened.state == "decrypted" else False

    # --- JSON

    @property
    def interpreted(self) -> dict[str, Any]:
        """The fields as a dict in pyMeterBus's shape; without header, address and CI field alone."""
        if not self.ci_field.parts:
            return {}
        shown: dict[str, Any] = {
            "manufacturer": self.manufacturer_field.decodeManufacturer,
            "identification": ", ".join(map(hex, self.id_nr)),
            "version": hex_numbers(self.version_field),
            "device_type": hex_numbers(self.device_field),
            "type": hex_numbers(self.ci_field),
        }
        if self.configuration_field.parts:
            shown["access_no"] = self.acc_nr_field.decodeInt
            shown["status"] = hex_numbers(self.status_field)
            shown["configuration"] = hex_numbers(self.configuration_field)
            shown["decryption"] = hex_numbers(self.decryption_field)
        return shown

    def to_JSON(self) -> str:
        """`interpreted` as JSON."""
        return json_text(self.interpreted)

    @property
    def _ci(self) -> int | None:
        return self.ci_field.parts[0] if self.ci_field.parts else None

    @property
    def _header(self) -> str:
        return HEADER_BEHIND.get(self._ci, "") if self._ci is not None else ""
