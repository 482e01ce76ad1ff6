"""Writes `Client` from `AsyncClient`: the same body without `async` and `await`.

    python tools/generate_client.py            write what is generated
    python tools/generate_client.py --check    exit with 1 where it is not up to date

A comment `# sync: code` replaces the statement before it, or stands alone for one that only `Client` has.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "mbus_construct" / "client"
GENERATED: Final = {"client.py": "async_client.py", "threads.py": "tasks.py"}

_IMPORT: Final = re.compile(r"(?m)^ *(?:from|import) .*$")
_REPLACED: Final = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"(?m)^( *)(?:[^\s#].*)?# sync: (.*)$", r"\1\2"),
        (r"`async with` does so", "making a client does so"),
        (r" with asyncio\b", ""),
        (r"(?m)^import asyncio$", "import threading"),
        (r"from asyncio import sleep", "from time import sleep"),
        (r"asyncio\.Task\[Any\]", "threading.Thread"),
        (r"not holder\.done\(\)", "holder.is_alive()"),
        (r"asyncio\.Event", "threading.Event"),
        (r"takes from asyncio", "takes from threads"),
        (r"AsyncGenerator\[Event, None\]", "Generator[Event, None, T]"),
        (r"AsyncGenerator\[None, None\]", "Generator[None, None, None]"),
        (r"\b([tT])ask(?=s?\b)", r"\1hread"),
        (r"\bAsync(Client|Port|Generator|Iterator)\b", r"\1"),
        (r"\bopen_async_port\b", "open_port"),
        (r"\b(?:async(?=contextm)|a(?=closing\b))", ""),
        (r"\b__a(enter|exit)__", r"__\1__"),
        (r"\b(?:async|await) ", ""),
    )
)


def generated(name: str) -> str:
    """What a file of the folder is to contain."""
    source = GENERATED[name]
    text = (FOLDER / source).read_text(encoding="utf-8")
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return f"# Written by tools/generate_client.py from {source}: edit that one.\n{text}"


def is_current(name: str) -> bool:
    """Whether a file is what it is to be; imports and how lines are wrapped are left to the linter."""
    return _tokens((FOLDER / name).read_text(encoding="utf-8")) == _tokens(generated(name))


def _tokens(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(_IMPORT.sub("", text)).readline)
    return [token.string.strip() for token in tokens if token.string.strip()]


def main() -> int:
    """Write the files, or say which are not up to date."""
    if "--check" in sys.argv[1:]:
        old = [name for name in GENERATED if not is_current(name)]
        print(*(f"{name} is not up to date: run tools/generate_client.py" for name in old), sep="\n")
        return 1 if old else 0
    for name in GENERATED:
        file = FOLDER / name
        file.write_text(generated(name), encoding="utf-8")
        for tidy in ("check --fix --quiet", "format --quiet"):  # unused imports, their order, wrapped lines
            command = [sys.executable, "-m", "ruff", *tidy.split(), str(file)]
            subprocess.run(command, check=True)  # noqa: S603  our own
    return 0


if __name__ == "__main__":
    sys.exit(main())
