"""Processes that work on pieces: each has one in work and one waiting, so that it never waits for us.

Our own pool rather than `concurrent.futures`: when a worker dies, its pieces are known and go to another;
Ctrl-C ends all of them at once; and a program that is killed leaves none behind.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from .pyarrow_import import ipc, pa

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from .pieces import Piece
    from .work import Job, Report

_AT_ONCE: Final = 2  # pieces that a worker has
_TRIES: Final = 2
_PATIENCE: Final = 2.0  # seconds that a process has to end


class WorkerError(ValueError):
    """A piece cost a worker its life, twice; or a worker could not do its work."""


class _Worker:
    """A process and the pieces that it has."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, job), daemon=True)
        with _interrupts_held():
            self.process.start()
        theirs.close()
        self.pieces: list[Piece] = []

    def give(self, piece: Piece) -> None:
        self.pieces.append(piece)
        with suppress(OSError):  # it is dead, which `wait` is about to say
            self.connection.send(piece.index)
            self.connection.send_bytes(_packed(piece.batch))

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


@contextmanager
def _interrupts_held() -> Generator[None, None, None]:
    """Whoever is started here never hears Ctrl-C, which is ours; we hear it when all of it is started.

    A process inherits which signals are held back, and holds them back from its first instruction on. That
    does not keep them from us: threads of pyarrow take them.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as nohup does
        yield
        return
    heard: list[int] = []
    try:
        signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    except ValueError:  # not the main thread, which is the one that hears it
        yield
        return
    try:
        with _blocked():
            yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if heard:
        raise KeyboardInterrupt


@contextmanager
def _blocked() -> Generator[None, None, None]:
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Pool:
    """So many workers for one job; `note` is told when one of them is lost."""

    def __init__(self, count: int, job: Job, note: Callable[[str], None]) -> None:
        self._job = job
        self._note = note
        self._count = count
        self._workers: list[_Worker] = []
        self._tries: dict[int, int] = {}
        self._again: list[Piece] = []

    def __enter__(self) -> Self:
        self._workers = [_Worker(self._job) for _ in range(self._count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.end()

    def run(self, pieces: Iterator[Piece]) -> Iterator[Report]:
        """What became of each piece, as soon as it is known, in any order.

        Raises `OSError` where a worker could not write, `WorkerError` where a piece cost two workers their
        lives.
        """
        more = True
        while True:
            while more and (worker := self._free()) is not None:
                piece = next(pieces, None) if not self._again else self._again.pop(0)
                if piece is None:
                    more = False
                else:
                    worker.give(piece)
            while self._again and (worker := self._free()) is not None:
                worker.give(self._again.pop(0))
            busy = [worker for worker in self._workers if worker.pieces]
            if not busy:
                return
            yield from self._heard(busy)

    def _free(self) -> _Worker | None:
        """The worker with the least to do, if one has room."""
        worker = min(self._workers, key=lambda item: len(item.pieces))
        return worker if len(worker.pieces) < _AT_ONCE else None

    def _heard(self, busy: list[_Worker]) -> Iterator[Report]:
        """What workers have to say."""
        ready = wait([worker.connection for worker in busy])
        for worker in busy:
            if worker.connection in ready:
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):
                    self._replace(worker)
                    continue
                if isinstance(answer, BaseException):
                    raise answer
                worker.pieces.pop(0)
                yield answer

    def _replace(self, worker: _Worker) -> None:
        """A worker is dead: another one takes over."""
        worker.process.join(_PATIENCE)
        code = worker.process.exitcode
        first = worker.pieces[0]
        tries = self._tries[first.index] = self._tries.get(first.index, 0) + 1
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        where = first.where
        if tries >= _TRIES:
            raise WorkerError(
                f"a worker ended {how} at {where}, twice; is there memory enough? Try fewer --workers"
            )
        self._note(f"a worker ended {how} at {where}; once more")
        self._again += worker.pieces
        worker.end()
        self._workers[self._workers.index(worker)] = _Worker(self._job)


def _packed(batch: Any) -> Any:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _work(connection: Connection, job: Job) -> None:
    """A worker: pieces come in, reports go out, until nobody is there any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)  # there are other workers
    with ThreadPoolExecutor(1) as receiver:
        coming: Future[tuple[int, Any]] = receiver.submit(_receive, connection)
        while True:
            try:
                index, batch = coming.result()
            except (EOFError, OSError):
                return
            coming = receiver.submit(_receive, connection)
            try:
                answer: Report | Exception = job.run(index, batch)
            except Exception as error:  # noqa: BLE001  whatever it is, the parent tells it
                answer = _portable(error)
            try:
                connection.send(answer)
            except OSError:
                return


def _receive(connection: Connection) -> tuple[int, Any]:
    index: int = connection.recv()
    with ipc.open_stream(pa.py_buffer(connection.recv_bytes())) as reader:
        return index, reader.read_next_batch()


def _portable(error: Exception) -> Exception:
    """An error that can be sent: Arrow's own classes and those with odd arguments cannot, always."""
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror or str(error), error.filename)
    return WorkerError(f"{type(error).__name__}: {error}")
