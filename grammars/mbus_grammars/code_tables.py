"""Code tables of the frame, the headers and the fixed data structure. Data only, no constructs.

Sources: MBDOC48 = "The M-Bus: A Documentation", rev. 4.8 (1998), with its section; EN 13757-7:2018 as
cited by exmbus and libmburs.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class CIRow(NamedTuple):
    """One line of the CI table: the codes it covers, who sends it, its name, and what stands behind it.

    Everything else in the house asks this table: a CI field with contents that are known costs one line.
    """

    first: int
    last: int
    direction: str  # "to_meter", "from_meter", "both"
    name: str
    header: str = "none"  # "none", "short", "long", "raw" (a layer without a grammar here)
    source: str = ""
    body: str = "payload"  # what stands behind the header; see `application`


class CFieldRow(NamedTuple):
    """A function of the C field, and the octet that its name alone stands for.

    The octet has FCV set where the standard counts frames, FCB, ACD and DFC clear. `mask` says which bits make
    the function: PRM and the function code, and FCV where two functions differ in nothing else.
    """

    octet: int
    name: str
    source: str
    mask: int = 0x4F


# C field of the wired bus. MBDOC48 5.3; the IEC 60870-5-2 functions beyond it as libmburs lists them.
C_FIELDS: Final[tuple[CFieldRow, ...]] = (
    CFieldRow(0x40, "SND_NKE", "MBDOC48 5.3"),
    CFieldRow(0x53, "SND_UD", "MBDOC48 5.3"),
    CFieldRow(0x49, "REQ_SKE", "libmburs"),
    CFieldRow(0x5A, "REQ_UD1", "MBDOC48 5.3"),
    CFieldRow(0x5B, "REQ_UD2", "MBDOC48 5.3"),
    CFieldRow(0x00, "ACK", "libmburs"),
    CFieldRow(0x01, "NACK", "libmburs"),
    CFieldRow(0x08, "RSP_UD", "MBDOC48 5.3"),
    CFieldRow(0x09, "RSP_UD not available", "libmburs"),
    CFieldRow(0x0B, "link status", "libmburs"),
)

# C field of wireless frames, EN 13757-4 as exmbus and wmbusmeters list it; 43h via solosTec (unverified).
WIRELESS_C_FIELDS: Final[tuple[CFieldRow, ...]] = (
    CFieldRow(0x40, "SND_NKE", "exmbus"),
    CFieldRow(0x53, "SND_UD", "exmbus", 0x5F),
    CFieldRow(0x43, "SND_UD2", "solosTec", 0x5F),
    CFieldRow(0x44, "SND_NR", "exmbus"),
    CFieldRow(0x45, "SND_UD3", "exmbus; wmbusmeters"),
    CFieldRow(0x46, "SND_IR", "exmbus"),
    CFieldRow(0x47, "ACC_NR", "exmbus"),
    CFieldRow(0x48, "ACC_DMD", "exmbus"),
    CFieldRow(0x5A, "REQ_UD1", "exmbus"),
    CFieldRow(0x5B, "REQ_UD2", "exmbus"),
    CFieldRow(0x00, "ACK", "exmbus; libmburs"),
    CFieldRow(0x01, "NACK", "exmbus; libmburs"),
    CFieldRow(0x06, "CNF_IR", "exmbus"),
    CFieldRow(0x08, "RSP_UD", "exmbus"),
)

# CI field. EN 13757-7:2018 (exmbus, libmburs); MBDOC48 6.1 for what that edition withdrew.
# fmt: off
CI_FIELDS: Final[tuple[CIRow, ...]] = (
    CIRow(0x00, 0x1F, "both", "DLMS based applications", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x20, 0x4F, "both", "reserved", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x50, 0x50, "to_meter", "application reset (no data) or application select (subcode bytes)", "none", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters", "application reset"),
    CIRow(0x51, 0x51, "to_meter", "command / data send (full frame)", "none", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters", "command"),
    CIRow(0x52, 0x52, "to_meter", "selection of device", "none", "MBDOC48 7.1; libmburs", "selection"),
    CIRow(0x53, 0x53, "to_meter", "application reset or select", "long", "exmbus; libmburs; wmbusmeters", "sub codes"),
    CIRow(0x54, 0x54, "to_meter", "request of selected application or synchronize action", "none", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0x55, 0x55, "to_meter", "request of selected application", "long", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0x56, 0x56, "to_meter", "selection of device, most significant byte first", "none", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters", "selection, MSB first"),
    CIRow(0x57, 0x59, "both", "reserved", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x5A, 0x5A, "to_meter", "command (full frame)", "short", "exmbus; libmburs; wmbusmeters", "command"),
    CIRow(0x5B, 0x5B, "to_meter", "command (full frame)", "long", "exmbus; libmburs; wmbusmeters", "command"),
    CIRow(0x5C, 0x5C, "to_meter", "synchronize action", "none", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x5D, 0x5E, "both", "reserved", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x5F, 0x5F, "to_meter", "specific usage (national profiles, TLS handshake)", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x60, 0x60, "to_meter", "DLMS/COSEM command", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x61, 0x61, "to_meter", "DLMS/COSEM command", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x62, 0x63, "both", "reserved", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x64, 0x64, "to_meter", "reserved for OBIS-type descriptors", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x65, 0x65, "to_meter", "reserved for OBIS-type descriptors", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x66, 0x66, "from_meter", "response of selected application", "none", "exmbus; libmburs; wmbusmeters", "sub codes"),
    CIRow(0x67, 0x67, "from_meter", "response of selected application", "short", "exmbus; libmburs; wmbusmeters", "sub codes"),
    CIRow(0x68, 0x68, "from_meter", "response of selected application", "long", "exmbus; libmburs; wmbusmeters", "sub codes"),
    CIRow(0x69, 0x69, "from_meter", "response, format frame", "none", "exmbus; libmburs; wmbusmeters", "format frame"),
    CIRow(0x6A, 0x6A, "from_meter", "response, format frame", "short", "exmbus; libmburs; wmbusmeters", "format frame"),
    CIRow(0x6B, 0x6B, "from_meter", "response, format frame", "long", "exmbus; libmburs; wmbusmeters", "format frame"),
    CIRow(0x6C, 0x6C, "to_meter", "clock synchronisation, absolute", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x6D, 0x6D, "to_meter", "clock synchronisation, relative", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x6E, 0x6E, "from_meter", "application error", "short", "exmbus; libmburs; wmbusmeters", "application error"),
    CIRow(0x6F, 0x6F, "from_meter", "application error", "long", "exmbus; libmburs; wmbusmeters", "application error"),
    CIRow(0x70, 0x70, "from_meter", "application error", "none", "MBDOC48 6.6; exmbus; libmburs; wmbusmeters", "application error"),
    CIRow(0x71, 0x71, "from_meter", "alarm", "none", "MBDOC48 8.1; exmbus; libmburs; wmbusmeters", "alarm"),
    CIRow(0x72, 0x72, "from_meter", "response, full frame (variable data)", "long", "MBDOC48 6.3; exmbus; libmburs; wmbusmeters", "records"),
    CIRow(0x73, 0x73, "from_meter", "response, compact frame or fixed data", "long", "MBDOC48 6.2; exmbus; libmburs; wmbusmeters", "fixed data or compact frame"),
    CIRow(0x74, 0x74, "from_meter", "alarm", "short", "exmbus; libmburs; wmbusmeters", "alarm"),
    CIRow(0x75, 0x75, "from_meter", "alarm", "long", "exmbus; libmburs; wmbusmeters", "alarm"),
    CIRow(0x76, 0x76, "from_meter", "response, variable data, most significant byte first", "long", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters", "records, MSB first"),
    CIRow(0x77, 0x77, "from_meter", "response, fixed data, most significant byte first", "none", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters", "fixed data, MSB first"),
    CIRow(0x78, 0x78, "from_meter", "response, full frame", "none", "exmbus; libmburs; wmbusmeters", "records"),
    CIRow(0x79, 0x79, "from_meter", "response, compact frame", "none", "exmbus; libmburs; wmbusmeters", "compact frame"),
    CIRow(0x7A, 0x7A, "from_meter", "response, full frame", "short", "exmbus; libmburs; wmbusmeters", "records"),
    CIRow(0x7B, 0x7B, "from_meter", "response, compact frame", "short", "exmbus; libmburs; wmbusmeters", "compact frame"),
    CIRow(0x7C, 0x7C, "from_meter", "DLMS/COSEM response", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x7D, 0x7D, "from_meter", "DLMS/COSEM response", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x7E, 0x7E, "from_meter", "reserved for OBIS-type descriptors", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x7F, 0x7F, "from_meter", "reserved for OBIS-type descriptors", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x80, 0x80, "to_meter", "transport layer only (no application data)", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x81, 0x81, "both", "network layer data", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x82, 0x82, "to_meter", "network management data", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x83, 0x83, "to_meter", "network management data", "none", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x84, 0x84, "to_meter", "transport layer only, compact frame expected", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x85, 0x85, "to_meter", "transport layer only, format frame expected", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x86, 0x86, "both", "extended link layer V (variable fields)", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x87, 0x87, "from_meter", "network management data", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x88, 0x88, "from_meter", "network management data", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x89, 0x89, "from_meter", "network management data", "none", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x8A, 0x8A, "from_meter", "transport layer only (no application data)", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x8B, 0x8B, "from_meter", "transport layer only (no application data)", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x8C, 0x8C, "both", "extended link layer I: CC ACC", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x8D, 0x8D, "both", "extended link layer II: CC ACC SN PLCRC", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x8E, 0x8E, "both", "extended link layer III: CC ACC M2 A2", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x8F, 0x8F, "both", "extended link layer IV: CC ACC M2 A2 SN PLCRC", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x90, 0x90, "both", "authentication and fragmentation sublayer", "raw", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0x91, 0x9D, "both", "reserved", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0x9E, 0x9E, "from_meter", "specific usage (national profiles, TLS handshake)", "short", "exmbus; libmburs"),
    CIRow(0x9F, 0x9F, "from_meter", "specific usage (national profiles, TLS handshake)", "long", "exmbus; libmburs"),
    CIRow(0xA0, 0xB0, "both", "manufacturer specific", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xB1, 0xB1, "to_meter", "manufacturer specific", "raw", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0xB2, 0xB2, "to_meter", "manufacturer specific", "raw", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0xB3, 0xB3, "to_meter", "manufacturer specific", "raw", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0xB4, 0xB4, "to_meter", "manufacturer specific", "raw", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0xB5, 0xB5, "both", "manufacturer specific", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xB6, 0xB6, "to_meter", "manufacturer specific", "raw", "MBDOC48 6.1; exmbus; libmburs; wmbusmeters"),
    CIRow(0xB7, 0xB7, "both", "manufacturer specific", "raw", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xB8, 0xB8, "to_meter", "set baud rate 300", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xB9, 0xB9, "to_meter", "set baud rate 600", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xBA, 0xBA, "to_meter", "set baud rate 1200", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xBB, 0xBB, "to_meter", "set baud rate 2400", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xBC, 0xBC, "to_meter", "set baud rate 4800", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xBD, 0xBD, "to_meter", "set baud rate 9600", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xBE, 0xBE, "to_meter", "set baud rate 19200", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xBF, 0xBF, "to_meter", "set baud rate 38400", "none", "MBDOC48 6.4.1; exmbus; libmburs; wmbusmeters", "baud rate"),
    CIRow(0xC0, 0xC0, "to_meter", "image transfer command", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xC1, 0xC1, "from_meter", "image transfer response", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xC2, 0xC2, "from_meter", "image transfer response", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xC3, 0xC3, "to_meter", "security information transfer", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xC4, 0xC4, "from_meter", "security information transfer", "short", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xC5, 0xC5, "from_meter", "security information transfer", "long", "exmbus; libmburs; wmbusmeters"),
    CIRow(0xC6, 0xFF, "both", "reserved", "raw", "exmbus; libmburs; wmbusmeters"),
)
# fmt: on

# Device type ("medium" in MBDOC48), MBDOC48 8.4.1; libmburs.
DEVICE_TYPES: Final[dict[int, str]] = {
    0x00: "other",
    0x01: "oil meter",
    0x02: "electricity meter",
    0x03: "gas meter",
    0x04: "heat meter (volume at return/outlet)",
    0x05: "steam meter",
    0x06: "warm water meter (30-90 °C)",
    0x07: "water meter",
    0x08: "heat cost allocator",
    0x09: "compressed air meter",
    0x0A: "cooling meter (volume at return/outlet)",
    0x0B: "cooling meter (volume at flow/inlet)",
    0x0C: "heat meter (volume at flow/inlet)",
    0x0D: "combined heat/cooling meter",
    0x0E: "bus/system component",
    0x0F: "unknown device type",
    0x10: "irrigation water meter (not potable)",
    0x11: "water data logger",
    0x12: "gas data logger",
    0x13: "gas converter",
    0x14: "calorific value",
    0x15: "hot water meter (≥ 90 °C)",
    0x16: "cold water meter",
    0x17: "dual register (hot/cold) water meter",
    0x18: "pressure meter",
    0x19: "A/D converter",
    0x1A: "smoke detector",
    0x1B: "room sensor (temperature, humidity)",
    0x1C: "gas detector",
    0x1D: "reserved for sensor",
    0x1E: "reserved for sensor",
    0x1F: "reserved for sensor",
    0x20: "breaker (electricity)",
    0x21: "valve (gas or water)",
    0x22: "reserved for switching device",
    0x23: "reserved for switching device",
    0x24: "reserved for switching device",
    0x25: "customer unit (display)",
    0x26: "reserved for customer unit",
    0x27: "reserved for customer unit",
    0x28: "waste water meter",
    0x29: "garbage",
    0x2A: "carbon dioxide (reserved)",
    0x2B: "reserved for environmental meter",
    0x2C: "reserved for environmental meter",
    0x2D: "reserved for environmental meter",
    0x2E: "reserved for environmental meter",
    0x2F: "reserved for environmental meter",
    0x30: "service tool",
    0x31: "communication controller (gateway)",
    0x32: "unidirectional repeater",
    0x33: "bidirectional repeater",
    0x34: "reserved for system device",
    0x35: "reserved for system device",
    0x36: "radio converter (system side)",
    0x37: "radio converter (meter side)",
    0x38: "bus converter (meter side)",
    0x39: "reserved for system device",
    0x3A: "reserved for system device",
    0x3B: "reserved for system device",
    0x3C: "reserved for system device",
    0x3D: "reserved for system device",
    0x3E: "reserved for system device",
    0x3F: "reserved for system device",
    0xFF: "wildcard (selection only)",
}

# Manufacturer codes and who holds them; any other three letters are valid too.
MANUFACTURERS: Final[dict[str, str]] = {
    "AAA": "Aventies",
    "ABB": "ABB AB",
    "ACE": "Actaris Electricity",
    "ACG": "Actaris Gas",
    "ACW": "Actaris Water & Heat",
    "AEG": "AEG",
    "AEL": "Kohler",
    "AEM": "S.C. AEM S.A.",
    "ALG": "Algodue Elettronica",
    "ALK": "Actislink",
    "AMB": "Wurth Elektronik eiSos",
    "AMP": "Ampy Automation Digilog Ltd",
    "AMT": "Aquametro",
    "APA": "Apator",
    "APS": "Apsis Kontrol Sistemleri",
    "APT": "Apator",
    "AXI": "Axioma Metering UAB",
    "BER": "Bernina Electronic AG",
    "BFW": "BFW Buero fuer Waermemesstechnik OHG",
    "BMP": "BMETERS Polska",
    "BMT": "BMETERS",
    "BSE": "Basari Elektronik A.S.",
    "BST": "BESTAS Elektronik Optik",
    "CBI": "Circuit Breaker Industries",
    "CLO": "Clorius Raab Karcher Energie Service A/S",
    "CON": "Conlog",
    "CZM": "Cazzaniga S.p.A.",
    "DAN": "Danubia",
    "DEV": "Develco Products",
    "DFS": "Danfoss A/S",
    "DME": "Diehl Metering",
    "DWZ": "Lorenz GmbH & Co. KG",
    "DZG": "Deutsche Zählergesellschaft",
    "EBZ": "eBZ",
    "ECM": "Ecomess",
    "EDM": "EDMI Pty. Ltd.",
    "EFE": "Engelmann Sensor GmbH",
    "EIE": "Ei Electronics",
    "EKT": "PA KVANT J.S.",
    "ELM": "Elektromed Elektronik Ltd",
    "ELR": "Elster Metering",
    "ELS": "Elster Group",
    "ELT": "ELTAKO",
    "ELV": "Elvaco AB",
    "EMH": "EMH metering",
    "EMO": "Enermet",
    "EMU": "EMU Elektronik AG",
    "END": "ENDYS GmbH",
    "ENP": "Kiev Polytechnical Scientific Research",
    "ENT": "ENTES Elektronik",
    "ERL": "Erelsan Elektrik ve Elektronik",
    "ESM": "Starion Elektrik ve Elektronik",
    "ESY": "Easymeter",
    "EUR": "Eurometers Ltd",
    "EWT": "Elin Wasserwerkstechnik",
    "FED": "Federal Elektrik",
    "FIN": "Finder",
    "FIO": "Pietro Fiorentini",
    "FML": "Siemens Measurements Ltd.",
    "GAV": "Carlo Gavazzi",
    "GBJ": "Grundfos A/S",
    "GEC": "GEC Meters Ltd.",
    "GMC": "GMC-I Gossen-Metrawatt",
    "GSP": "Ingenieurbuero Gasperowicz",
    "GSS": "R D Gran System S",
    "GTE": "Sensoco",
    "GWF": "GWF MessSysteme AG",
    "HEG": "Hamburger Elektronik Gesellschaft",
    "HEL": "Heliowatt",
    "HRZ": "HERZ Messtechnik GmbH",
    "HTC": "Horstmann Timers and Controls Ltd.",
    "HYD": "Hydrometer GmbH",
    "ICM": "Intracom",
    "IDE": "IMIT S.p.A.",
    "IME": "Fellows",
    "IMT": "INTEGRA METERING",
    "INE": "INNOTAS Elektronik",
    "INM": "Inepro Metering",
    "INV": "Invensys Metering Systems AG",
    "ISK": "Iskraemeco",
    "IST": "ista SE",
    "ITR": "Itron",
    "ITW": "ista SE",
    "IWK": "IWK Regler und Kompensatoren GmbH",
    "JAN": "Janitza Electronics GmbH",
    "KAM": "Kamstrup A/S",
    "KAW": "Kamstrup",
    "KDN": "KADEN VODOMERY",
    "KHL": "Kohler",
    "KKE": "KK-Electronic A/S",
    "KNX": "KNX Association",
    "KRO": "Elster Kromschröder",
    "KST": "Kundo SystemTechnik GmbH",
    "LAS": "Lansen Systems",
    "LEM": "LEM HEME Ltd.",
    "LGB": "Landis+Gyr UK",
    "LGD": "Landis+Gyr Germany",
    "LGZ": "Landis+Gyr AG Zug",
    "LHA": "Atlantic Meters",
    "LML": "LUMEL S.A.",
    "LSE": "Landis & Staefa Electronic",
    "LSP": "Landis & Staefa Production",
    "LSZ": "Siemens Building Technologies",
    "LUG": "Landis+Gyr",
    "MAD": "Maddalena S.r.l.",
    "MEI": "H. Meinecke AG",
    "MKS": "MAK-SAY Elektrik Elektronik",
    "MNS": "MANAS Elektronik",
    "MPS": "Multiprocessor Systems Ltd",
    "MTC": "Metering Technology Corporation",
    "NES": "NORA ELK MALZ SAN ve TAE C A AA",
    "NIS": "Nisko Industries",
    "NMS": "Nisko Advanced Metering Solutions",
    "NRM": "Norm Elektronik",
    "NZR": "NZR GmbH",
    "ONR": "ONUR Elektroteknik",
    "PAD": "PadMess GmbH",
    "PII": "PiiGAB Processinformation i Goteborg",
    "PMG": "Spanner-Pollux GmbH",
    "PRI": "Polymeters Response International Ltd.",
    "QDS": "Qundis",
    "RAM": "Rossweiner Armaturen und Messgeräte",
    "RAS": "Hydrometer GmbH",
    "REL": "Relay GmbH",
    "RKE": "ista SE",
    "SAP": "Sappel",
    "SBC": "Saia-Burgess Controls",
    "SCH": "Schnitzel GmbH",
    "SEC": "Schneider Electric",
    "SEN": "Sensus",
    "SEO": "Sensoco",
    "SIE": "Siemens AG",
    "SLB": "Schlumberger Industries",
    "SME": "Siame",
    "SML": "Siemens Measurements Ltd.",
    "SOF": "softflow.de GmbH",
    "SON": "Sontex SA",
    "SPL": "Sappel",
    "SPX": "Spanner & Pluss",
    "SVM": "AB Svensk Värmemätning SVM",
    "TCH": "Techem",
    "TEC": "TECSON Digital",
    "TIP": "TIP Thüringer Industrie Produkte GmbH",
    "UAG": "Uher",
    "UGI": "United Gas Industries",
    "VES": "ista SE",
    "VIP": "VIPA CZ",
    "VPI": "Van Putten Instruments B.V.",
    "WEH": "E Wehrle",
    "WEP": "Wepsta",
    "WMO": "Westermo Teleindustri AB",
    "WTT": "Watertech",
    "WZG": "Modularis",
    "YTE": "Yuksek Teknoloji",
    "ZAG": "Zellwerg Uster AG",
    "ZAP": "Zaptronix",
    "ZIV": "ZIV Aplicaciones y Tecnologia S.A.",
    "ZPA": "ZPA Smart Energy",
    "ZRI": "ZENNER International GmbH & Co. KG",
    "ZRM": "Minol Messtechnik",
}

# Units of the fixed data structure, MBDOC48 8.3: code -> (quantity, unit as in the VIF tables, power of ten).
# 00h and 01h (a time, a date) and the reserved codes have no row: their bytes are not documented.
# fmt: off
FIXED_UNITS: Final[dict[int, tuple[str, str, int]]] = {
    0x02: ("energy", "W.h", 0),  # Wh
    0x03: ("energy", "W.h", 1),  # Wh * 10
    0x04: ("energy", "W.h", 2),  # Wh * 100
    0x05: ("energy", "W.h", 3),  # kWh
    0x06: ("energy", "W.h", 4),  # kWh * 10
    0x07: ("energy", "W.h", 5),  # kWh * 100
    0x08: ("energy", "W.h", 6),  # MWh
    0x09: ("energy", "W.h", 7),  # MWh * 10
    0x0A: ("energy", "W.h", 8),  # MWh * 100
    0x0B: ("energy", "J", 3),  # kJ
    0x0C: ("energy", "J", 4),  # kJ * 10
    0x0D: ("energy", "J", 5),  # kJ * 100
    0x0E: ("energy", "J", 6),  # MJ
    0x0F: ("energy", "J", 7),  # MJ * 10
    0x10: ("energy", "J", 8),  # MJ * 100
    0x11: ("energy", "J", 9),  # GJ
    0x12: ("energy", "J", 10),  # GJ * 10
    0x13: ("energy", "J", 11),  # GJ * 100
    0x14: ("power", "W", 0),  # W
    0x15: ("power", "W", 1),  # W * 10
    0x16: ("power", "W", 2),  # W * 100
    0x17: ("power", "W", 3),  # kW
    0x18: ("power", "W", 4),  # kW * 10
    0x19: ("power", "W", 5),  # kW * 100
    0x1A: ("power", "W", 6),  # MW
    0x1B: ("power", "W", 7),  # MW * 10
    0x1C: ("power", "W", 8),  # MW * 100
    0x1D: ("power", "J/h", 3),  # kJ/h
    0x1E: ("power", "J/h", 4),  # kJ/h * 10
    0x1F: ("power", "J/h", 5),  # kJ/h * 100
    0x20: ("power", "J/h", 6),  # MJ/h
    0x21: ("power", "J/h", 7),  # MJ/h * 10
    0x22: ("power", "J/h", 8),  # MJ/h * 100
    0x23: ("power", "J/h", 9),  # GJ/h
    0x24: ("power", "J/h", 10),  # GJ/h * 10
    0x25: ("power", "J/h", 11),  # GJ/h * 100
    0x26: ("volume", "m3", -6),  # ml
    0x27: ("volume", "m3", -5),  # ml * 10
    0x28: ("volume", "m3", -4),  # ml * 100
    0x29: ("volume", "m3", -3),  # l
    0x2A: ("volume", "m3", -2),  # l * 10
    0x2B: ("volume", "m3", -1),  # l * 100
    0x2C: ("volume", "m3", 0),  # m3
    0x2D: ("volume", "m3", 1),  # m3 * 10
    0x2E: ("volume", "m3", 2),  # m3 * 100
    0x2F: ("volume flow", "m3/h", -6),  # ml/h
    0x30: ("volume flow", "m3/h", -5),  # ml/h * 10
    0x31: ("volume flow", "m3/h", -4),  # ml/h * 100
    0x32: ("volume flow", "m3/h", -3),  # l/h
    0x33: ("volume flow", "m3/h", -2),  # l/h * 10
    0x34: ("volume flow", "m3/h", -1),  # l/h * 100
    0x35: ("volume flow", "m3/h", 0),  # m3/h
    0x36: ("volume flow", "m3/h", 1),  # m3/h * 10
    0x37: ("volume flow", "m3/h", 2),  # m3/h * 100
    0x38: ("temperature", "Cel", -3),  # 0.001 Cel
    0x39: ("heat cost allocation", "HCA", 0),  # units for HCA
    0x3F: ("", "", 0),  # without units
}
# fmt: on
