"""--key, MBUS_KEY, --keys: what is wrong with them is said, and nothing ever shows a key."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest

from commands import Mbus, one_line, program
from mbus_construct import Receiver, encode
from radio import (
    E62,
    E65,
    E68,
    ELL_KEY,
    EXAMPLES,
    GAS_METER,
    GAS_RECORDS,
    KEY,
    MASTER,
    SECRET,
    Example,
)
from secrets_shown import METERS_KEY, OTHER_KEY, shows


def sealed(mode: int) -> bytes:
    written = {
        "link": "wireless",
        "meter": GAS_METER,
        "security": {"mode": mode},
        "afl": {"message_counter": 9},
        "records": GAS_RECORDS,
    }
    return encode(written, keys=METERS_KEY)


def test_this_would_be_found() -> None:
    assert shows("the key 9F 3A 6C is wrong", METERS_KEY) == ["9F3A6C"]
    assert shows(f"ValueError: {bytes.fromhex(METERS_KEY)!r}", METERS_KEY) == [METERS_KEY]
    assert not shows("the key 9F 3A 6C", METERS_KEY, octets=bytes.fromhex("9F3A6C"))


@pytest.mark.parametrize("key", [METERS_KEY, OTHER_KEY, OTHER_KEY[:-2], OTHER_KEY[:-1] + "x"])
@pytest.mark.parametrize(
    "command",
    [
        *(
            ["decode", "--format", name]
            for name in ("table", "json", "ndjson", "csv", "xml", "xml-normalised")
        ),
        ["decode", "--merge"],
        ["explain"],
        ["explain", "--format", "html"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("mode", [5, 7])
def test_no_key_is_shown(
    mbus: Mbus, monkeypatch: pytest.MonkeyPatch, command: list[str], key: str, mode: int
) -> None:
    monkeypatch.setenv("MBUS_DEBUG", "1")
    octets = sealed(mode)
    run = mbus(*command, octets.hex(), "--key", key)
    assert run.code == (0 if key == METERS_KEY else 1 if key == OTHER_KEY else 2)
    assert run.out or key not in (METERS_KEY, OTHER_KEY)
    assert shows(run.out + run.err, METERS_KEY, OTHER_KEY, octets=octets) == []


def test_a_program_shows_none(tmp_path: Path) -> None:
    octets = sealed(7)
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[keys]\n12345678 = "{OTHER_KEY}"\nELS = "{METERS_KEY[:-1]}"\n', encoding="utf-8")
    for arguments, code in (
        (["decode", octets.hex(), "--keys", str(keys)], 2),
        (["decode", octets.hex(), "--key", OTHER_KEY], 1),
        (["decode", octets.hex()], 2),
    ):
        run = program(*arguments, MBUS_DEBUG="1", MBUS_KEY=METERS_KEY[:-2])
        assert run.code == code
        assert "Traceback" not in run.err
        assert shows(run.out + run.err, METERS_KEY, OTHER_KEY, octets=octets) == []


def test_a_traceback_shows_none(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a fault of ours can bring up."""
    monkeypatch.setenv("MBUS_DEBUG", "1")
    given: list[object] = []

    def broken(receiver: Receiver, *_: object, **__: object) -> None:
        given.extend((receiver.keys, *receiver.keys.entries))
        raise RuntimeError(f"a fault with {receiver.keys!r} of {receiver.keys.entries!r}")

    monkeypatch.setattr(Receiver, "decode", broken)
    with pytest.raises(RuntimeError) as caught:
        mbus("decode", sealed(5).hex(), "--key", METERS_KEY)
    text = "".join(traceback.format_exception(caught.value))
    assert "a fault with Keys(1 of 1 selectors)" in text
    assert given
    assert shows(text + repr(given), METERS_KEY) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--key", METERS_KEY[:-2]], ["--key", "16 octets", "not 15"]),
        (["--key", METERS_KEY + "xyz"], ["--key", "32 hex digits"]),
        (["--key", ""], ["--key is empty"]),
        (["--key", *METERS_KEY[:8]], ["--key", "quotes"]),
        (["--keys", METERS_KEY], ["--keys", "file", "--key"]),
        (["--keys", f'[keys]\ndefault = "{METERS_KEY}"'], ["--keys", "file"]),
        (["--keys", f"default = '{METERS_KEY[:20]}'"], ["--keys", "file"]),
        (["--keys", "keys.toml"], ["keys.toml", "no such file"]),
        (["--key"], ["--key"]),
    ],
)
@pytest.mark.parametrize("command", ["decode", "explain", "build"])
def test_what_is_no_key(mbus: Mbus, command: str, arguments: list[str], words: list[str]) -> None:
    telegram = '{"link": "records"}' if command == "build" else E65.octets.hex()
    run = mbus(command, telegram, *arguments)
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    for word in words:
        assert word in run.err
    assert shows(run.err, METERS_KEY) == []


@pytest.mark.parametrize(
    "key", [METERS_KEY, METERS_KEY.lower(), bytes.fromhex(METERS_KEY).hex(" "), METERS_KEY[:-1]]
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["read", "sim:", "12", ""],
        ["read", "", "12"],
        ["ping", "sim:", ""],
        ["scan", "sim:", ""],
        ["search", "sim:", ""],
        ["decode", "E5", "--link", ""],
        ["decode", "E5", "--link="],
        ["decode", "E5", "--format", ""],
        ["explain", "E5", "-f", ""],
        ["convert", "a.hex", "-o", "b.csv", "--to", ""],
        ["convert", "", "-o", "b.csv"],
        ["set-address", "sim:", "5", ""],
        [""],
    ],
    ids=" ".join,
)
def test_a_forgotten_option(mbus: Mbus, arguments: list[str], key: str) -> None:
    given = [item + key if item in ("", "--link=") else item for item in arguments]
    run = mbus(*given)
    assert (run.code in (1, 2), run.out) == (True, "")
    assert one_line(run.err)
    assert "--key" in run.err or "give a whole number" in run.err
    assert shows(run.err, METERS_KEY) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'12345678 = "{METERS_KEY}"', ["[keys]"]),
        (f'[keys]\n12345678 = "{METERS_KEY}\n', ["no TOML", "line 2"]),
        (f'[keys]\n12345678 = "{METERS_KEY[:-2]}"', ["'12345678'", "not 15"]),
        (f'[keys]\n"{METERS_KEY}" = "12345678"', ["selector number 1"]),
        ("[keys]\n12345678 = []", ["'12345678'", "has no key"]),
        (b"\xff\xfe\x00", ["UTF-8"]),
    ],
)
def test_what_is_no_file_of_keys(mbus: Mbus, tmp_path: Path, content: str | bytes, words: list[str]) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    run = mbus("decode", E65.octets.hex(), "--keys", file)
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    for word in ("keys.toml", *words):
        assert word in run.err
    assert shows(run.err, METERS_KEY) == []


def test_a_directory_is_no_file_of_keys(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("decode", E65.octets.hex(), "--keys", tmp_path)
    assert run.code == 2
    assert one_line(run.err)
    assert tmp_path.name in run.err


# --- Building --------------------------------------------------------------------------------------


def test_what_was_decrypted_is_encrypted_again(mbus: Mbus, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    lines = [f'{name} = "{key}"' for name, key in (("ELS", KEY), ("QDS", MASTER), ("KAM", ELL_KEY))]
    keys.write_text("\n".join(["[keys]", *lines]), encoding="utf-8")
    sent = [example.octets for example in EXAMPLES if example is not E68]  # its meter has another key
    decoded = mbus("decode", *(octets.hex() for octets in sent), "--keys", keys, "--format", "ndjson")
    run = mbus("build", "--compact", "--keys", keys, stdin=decoded.out.encode())
    assert (decoded.code, run.code) == (0, 0)
    assert [bytes.fromhex(line) for line in run.lines] == sent


@pytest.mark.parametrize("example", SECRET, ids=lambda example: example.name)
def test_decode_then_build(mbus: Mbus, example: Example) -> None:
    key = str(example.key)
    written = mbus("decode", example.octets.hex(), "--key", key, "--format", "json").out
    run = mbus("build", "--compact", "--key", key, stdin=written.encode())
    assert (run.code, run.out) == (0, example.octets.hex().upper() + "\n")
    missing = mbus("build", stdin=written.encode())
    assert (missing.code, missing.out) == (2, "")
    assert one_line(missing.err)
    assert "encrypting it needs a key for " in missing.err
    assert missing.err.endswith(": give it with --key or --keys\n")


def test_written_by_hand(mbus: Mbus) -> None:
    text = json.dumps({**E62.written, "link": "wireless"})
    run = mbus("build", text, "--key", KEY)
    assert (run.code, bytes.fromhex(run.out)) == (0, E62.octets)


def test_which_of_several_lacks_a_key(mbus: Mbus) -> None:
    text = json.dumps(
        [
            {"link": "records", "records": [{"quantity": "on time", "value": 1, "unit": "h"}]},
            {**E62.written, "link": "wireless"},
        ]
    )
    run = mbus("build", text)
    assert run.code == 2
    assert "mbus: telegram 2: encrypting it needs a key for ELS-12345678: give it with" in run.err


# --- Explaining ------------------------------------------------------------------------------------


def test_explained_with_a_key(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = mbus("explain", E65.octets.hex())
    assert "28504.27" not in closed.out
    opened = mbus("explain", E65.octets.hex(), "--key", KEY)
    assert opened.code == 0
    assert "28504.27" in opened.out
    monkeypatch.setenv("MBUS_KEY", KEY)
    assert mbus("explain", E65.octets.hex()).out == opened.out
    page = mbus("explain", E65.octets.hex(), "--format", "html").out
    assert "28504.27" in page
