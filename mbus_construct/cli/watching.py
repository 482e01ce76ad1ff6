"""Running a procedure for a person: a progress bar, findings, and what a command does with the rest."""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from .line import say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from ..bus.events import Event, Finding, Progress
    from ..bus.procedure import Procedure
    from ..client.client import Client


class Watching:
    """Shows how far a command is, on a terminal, and tells findings on standard error.

    Args:
        what: the command is doing.
        bar: show how far it is.
        in_output: codes of findings that the command's output says itself.

    Attributes:
        findings: so far; `attention` is whether one of them is more than information.
    """

    def __init__(self, what: str, *, bar: bool = True, in_output: Collection[str] = ()) -> None:
        self._in_output = in_output
        self.findings: list[Finding] = []
        self._what = what
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._shown = bar and sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self._shown:
            self._bar = _bar()
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def attention(self) -> bool:
        """Whether a finding needs somebody's attention."""
        return any(finding.severity != "info" for finding in self.findings)

    def events(self, client: Client, procedure: Procedure[Any]) -> Iterator[Event]:
        """The events of a procedure but its progress; findings are told."""
        from ..bus.events import Finding, Progress  # noqa: PLC0415  decode starts faster without

        for event in client.watch(procedure):
            if isinstance(event, Progress):
                self.progress(event)
                continue
            if isinstance(event, Finding):
                self.tell(event)
            yield event

    def run(self, client: Client, procedure: Procedure[Any]) -> Any:
        """The result of a procedure; its findings are told."""
        result: list[Any] = []

        def kept() -> Procedure[None]:
            result.append((yield from procedure))

        for _ in self.events(client, kept()):
            pass
        return result[0]

    def tell(self, finding: Finding) -> None:
        """Say what was found out, in one line."""
        self.findings.append(finding)
        if finding.code in self._in_output:
            return
        with self.paused():
            say(str(finding))

    def progress(self, event: Progress) -> None:
        """Move the bar on."""
        if self._bar is None:
            return
        where = "" if event.where is None else str(event.where)
        if self._task is None:
            self._task = self._bar.add_task(self._what, total=event.total, where=where)
        self._bar.update(self._task, completed=event.done, total=event.total, where=where)

    @contextmanager
    def paused(self) -> Generator[None, None, None]:
        """Write to the terminal while the bar is away."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


def _bar() -> Bar:
    from rich.console import Console  # noqa: PLC0415  rich is slow to import
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[where]}", style="dim"),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
