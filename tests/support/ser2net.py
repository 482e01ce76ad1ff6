"""Debian's ser2net, a real RFC 2217 server, in front of a device."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SER2NET = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")

needs_ser2net = pytest.mark.skipif(
    SER2NET is None, reason="ser2net is not installed: apt-get install ser2net"
)

_CONFIGURATION = """\
connection: &bus
  accepter: {accepter}tcp,127.0.0.1,{port}
  connector: serialdev,{device},2400e81,local
"""
_ACCEPTERS = {"rfc2217": "telnet(rfc2217),", "tcp": ""}


@contextmanager
def ser2net(device: str, folder: Path, scheme: str = "rfc2217") -> Iterator[str]:
    """The URL of a ser2net in front of a device; `scheme` is "rfc2217" or "tcp"."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = folder / "ser2net.yaml"
    file.write_text(_CONFIGURATION.format(accepter=_ACCEPTERS[scheme], port=port, device=device))
    assert SER2NET is not None
    command = [SER2NET, "-n", "-d", "-c", str(file), "-P", str(folder / "pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"{scheme}://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(port: int) -> None:
    """Until it listens: seen without connecting, which would take the line."""
    wanted = f"0100007F:{port:04X}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if any(row[1] == wanted and row[3] == "0A" for row in rows):
            return
        time.sleep(0.01)
    pytest.fail("ser2net does not listen")
