"""AES-128 against the vectors of NIST SP 800-38A and RFC 4493, with and without kept cipher contexts."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from checkout import ENVIRONMENT
from mbus_construct import MBusError
from mbus_construct.security import aes
from mbus_construct.security.aes import MissingExtra, cmac, crypt_ctr, decrypt_cbc, encrypt_cbc

KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
PLAIN = bytes.fromhex(
    "6BC1BEE22E409F96E93D7E117393172A AE2D8A571E03AC9C9EB76FAC45AF8E51"
    "30C81C46A35CE411E5FBC1191A0A52EF F69F2445DF4F9B17AD2B417BE66C3710"
)
IV = bytes(range(16))
CBC = bytes.fromhex(
    "7649ABAC8119B246CEE98E9B12E9197D 5086CB9B507219EE95DB113A917678B2"
    "73BED6B8E3C1743B7116E69E22229516 3FF1CAA1681FAC09120ECA307586E1A7"
)
COUNTER = bytes(range(0xF0, 0x100))
CTR = bytes.fromhex(
    "874D6191B620E3261BEF6864990DB6CE 9806F66B7970FDFF8617187BB9FFFDFF"
    "5AE4DF3EDBD5D35E5B4F09020DB03EAB 1E031DDA2FBE03D1792170A0F3009CEE"
)
MACS = {
    0: "BB1D6929E95937287FA37D129B756746",
    16: "070A16B46B4D4144F79BDD9DD04A287C",
    40: "DFA66747DE9AE63030CA32611497C827",
    64: "51F0BEBF7E3B9D92FC49741779363CFE",
}


@pytest.fixture(params=[1024, 0], ids=["kept", "new"])
def contexts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aes, "_SHARED_UP_TO", request.param)


@pytest.mark.usefixtures("contexts")
def test_cbc() -> None:
    assert encrypt_cbc(KEY, IV, PLAIN) == CBC
    assert decrypt_cbc(KEY, IV, CBC) == PLAIN
    assert decrypt_cbc(KEY, IV, b"") == encrypt_cbc(KEY, IV, b"") == b""


@pytest.mark.usefixtures("contexts")
@pytest.mark.parametrize("size", [64, 63, 17, 16, 1, 0])
def test_ctr(size: int) -> None:
    assert crypt_ctr(KEY, COUNTER, PLAIN[:size]) == CTR[:size]
    assert crypt_ctr(KEY, COUNTER, CTR[:size]) == PLAIN[:size]


def test_the_counter_runs_over() -> None:
    second = crypt_ctr(KEY, bytes(16), PLAIN[:16])
    assert crypt_ctr(KEY, b"\xff" * 16, bytes(16) + PLAIN[:16])[16:] == second


@pytest.mark.parametrize("size", MACS)
def test_cmac(size: int) -> None:
    assert cmac(KEY, PLAIN[:size]).hex().upper() == MACS[size]


@pytest.mark.parametrize("function", [decrypt_cbc, encrypt_cbc])
def test_cbc_takes_whole_blocks(function: Callable[[bytes, bytes, bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="whole blocks of 16 octets, not 17 octets"):
        function(KEY, IV, bytes(17))
    assert decrypt_cbc(KEY, IV, CBC) == PLAIN


def test_threads_share_a_key() -> None:
    """Short and long messages: above 2 KiB two calls of one cipher context would fail."""
    long, wrong = CBC * 64, list[object]()
    expected = {64: PLAIN, len(long): decrypt_cbc(KEY, IV, long)}

    def run() -> None:
        try:
            wrong.extend(
                size
                for _ in range(300)
                for size, plain in expected.items()
                if decrypt_cbc(KEY, IV, long[:size]) != plain or crypt_ctr(KEY, COUNTER, CTR) != PLAIN
            )
        except RuntimeError as error:
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=run) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []


@pytest.fixture
def without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the extra: a None in sys.modules is a module that is not there."""
    aes._kept_blocks.cache_clear()
    aes._cmac.cache_clear()
    for name in [*sys.modules]:
        if name == "cryptography" or name.startswith("cryptography.hazmat.primitives"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)


@pytest.mark.usefixtures("without_cryptography")
@pytest.mark.parametrize(
    "call",
    [
        lambda: decrypt_cbc(KEY, IV, CBC),
        lambda: encrypt_cbc(KEY, IV, PLAIN),
        lambda: crypt_ctr(KEY, COUNTER, CTR),
        lambda: cmac(KEY, PLAIN),
        aes.required,
    ],
)
def test_without_the_extra_the_error_says_what_to_install(call: Callable[[], Any]) -> None:
    with pytest.raises(MissingExtra) as caught:
        call()
    assert (
        str(caught.value) == 'decryption needs the package cryptography: pip install "mbus-construct[crypto]"'
    )
    assert isinstance(caught.value, MBusError)
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == "cryptography"


@pytest.mark.parametrize("module", ["mbus_construct", "mbus_construct.security.keys"])
def test_importing_imports_no_cryptography(module: str) -> None:
    code = f"import sys, {module}; print('cryptography' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.strip() == "False"
