"""What was to be encrypted never goes out plain: behind any CI field it is encrypted, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from mbus_construct import BuildError, decode, encode
from radio import ADAPTER, GAS_RECORDS, GATEWAY, KEY

PLAIN = bytes.fromhex("0C1427048502046D32371F1502FD170000")
SECRETS: dict[str, dict[str, Any]] = {
    "mode 5": {"security": {"mode": 5}},
    "mode 5, one block": {"security": {"mode": 5}, "configuration_field": 0x0510},
    "mode 7": {"security": {"mode": 7, "message_counter": 5}},
    "mode 7, one block": {"security": {"mode": 7, "message_counter": 5}, "configuration_field": 0x2710},
    "mode 7, MAC": {"security": {"mode": 7}, "afl": {"message_counter": 4}},
    "ELL II": {"ell": {"ci_field": 0x8D, "session_number": {"encryption": "AES-128-CTR"}}},
    "ELL IV": {"ell": {"ci_field": 0x8F, "receiver": GATEWAY, "session_number": 0x20000000}},
}
BODIES: dict[str, dict[str, Any]] = {
    "records": {"records": GAS_RECORDS},
    "payload": {"user_data": {"payload": PLAIN.hex()}},
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("link", ["wireless", "frame"])
def test_nothing_goes_out_plain(secret: str, body: str, link: str) -> None:
    if link == "frame":
        given = SECRETS[secret] | {"link": "frame", "meter": ADAPTER}
        frame: dict[str, Any] = {"a_field": 1}
    else:
        given = SECRETS[secret] | {"link": "wireless", "meter": ADAPTER}
        frame = {"address": ADAPTER}
    built = 0
    for ci_field in range(256):
        try:
            octets = encode({**given, **BODIES[body], "frame": {**frame, "ci_field": ci_field}}, keys=KEY)
        except BuildError:
            continue
        built += 1
        assert PLAIN[:14] not in octets
        telegram = decode(octets, link=link, keys=KEY)
        states = {part.state for part in (telegram.ell, telegram.security) if part is not None}
        assert "decrypted" in states
        assert encode(telegram, keys=KEY) == octets
        closed = decode(octets, link=link)
        assert closed.encrypted
        assert PLAIN[:14] not in closed.encrypted
    if body == "records" and "ELL" not in secret:
        assert built > 1
