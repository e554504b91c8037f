"""The supervisor of a server's workers: start, restart and end them."""

import ctypes
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

READY = b"ready"
_STABLE_AFTER = 10.0  # seconds after which the death of a worker is not a failed start
_MAX_EARLY_DEATHS = 5  # in a row, none of them settled, that end the server
_RENEWAL_INTERVAL = 1.0  # seconds from one call of `renew` to the next
_PAUSE = 0.1  # seconds before a restart; doubled with each death
_PR_SET_PDEATHSIG = 1

_log = logging.getLogger("coskit.server")

# Runs worker `number` in a new process; writes `READY` to the fd, or the reason of a failed start;
# returns the exit status.
Run = Callable[[int, int], int]


class Renew(Protocol):
    """Update the resources that the next worker will inherit."""

    def __call__(self, *, asked: bool = False) -> None:
        """Update them; if asked for, even if nothing seems to have changed."""
        ...


class CannotServe(Exception):
    """The workers could not start, or keep dying."""


@dataclass(slots=True)
class _WorkerProcess:
    """The process of a worker, and its history.

    Attributes:
        number: the worker's number; a new process keeps it.
        pid: the process id, 0 while there is no process.
        pipe: the pipe for the worker's report; it ends with the process.
        said: the bytes of the report so far.
        started: the time when the process started.
        deaths: the number of deaths in a row before `_STABLE_AFTER` seconds had passed.
        due: the time to start the next process, while there is none.
    """

    number: int
    pid: int = 0
    pipe: int = -1
    said: bytes = b""
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0

    @property
    def is_ready(self) -> bool:
        """True once the worker has reported that it is ready."""
        return self.said.startswith(READY)


class Supervisor:
    """A process that keeps the workers running and serves no requests itself.

    It has no threads and opens no files of the store, so that it can fork at any time.

    Args:
        size: the number of workers.
        run: the work of each worker.
        on_ready: called once, when all workers are ready.
        forward: the signals for all workers, besides those that end them.
        renew: called each second, and after a forwarded signal, for the processes to come.
    """

    def __init__(
        self,
        size: int,
        run: Run,
        on_ready: Callable[[], None],
        forward: tuple[signal.Signals, ...] = (),
        renew: Renew | None = None,
    ) -> None:
        self._workers = [_WorkerProcess(number) for number in range(size)]
        self._run = run
        self._on_ready = on_ready
        self._forward = forward
        self._renew = renew
        self._announced = False
        self._ends = 0  # signals that asked it to end
        self._failure = ""
        self._selector = selectors.DefaultSelector()
        self._caught: list[int] = []

    def serve(self, on_end: Callable[[], None]) -> bool:
        """Run until a signal ends the server, and return whether all requests were finished.

        Args:
            on_end: called at the first signal that ends the server.

        Raises:
            CannotServe: a worker could not start, or one keeps dying.
        """
        clean = True
        with self._signals() as woken:
            try:
                self._selector.register(woken, selectors.EVENT_READ)
                while not self._ends or any(worker.pid for worker in self._workers):
                    self._start_those_due()
                    for key, _ in self._selector.select(self._until_due()):
                        if key.fileobj is woken:
                            woken.recv(4096)
                        else:
                            clean &= self._read_report(key.data)
                    while self._caught:
                        self._take(self._caught.pop(0), on_end)
                    if self._renew:
                        self._renew()
            finally:
                self._kill_all()
                self._selector.close()
        if self._failure:
            raise CannotServe(self._failure)
        return clean

    # Starting.

    def _start_those_due(self) -> None:
        for worker in self._workers:
            if not worker.pid and not self._ends and worker.due <= time.monotonic():
                try:
                    self._start(worker)
                except OSError as cause:
                    self._note_death(worker, f"could not be started: {cause}")

    def _until_due(self) -> float | None:
        if self._ends:
            return None
        now = time.monotonic()
        due = [worker.due - now for worker in self._workers if not worker.pid]
        if self._renew:
            due.append(_RENEWAL_INTERVAL)
        return max(0.0, min(due)) if due else None

    def _start(self, worker: _WorkerProcess) -> None:
        reading, writing = os.pipe()
        supervisor = os.getpid()
        # A signal waits until the worker can handle it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if not pid:
                os.close(reading)
                self._run_worker(worker, writing, supervisor, mask)
        except OSError:
            os.close(reading)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(writing)
        worker.pid, worker.pipe, worker.said = pid, reading, b""
        worker.started = time.monotonic()
        self._selector.register(reading, selectors.EVENT_READ, worker)

    def _run_worker(
        self, worker: _WorkerProcess, pipe: int, supervisor: int, mask: set[int]
    ) -> None:
        """Run a worker in its process, and exit."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            for number in self._forward:
                signal.signal(number, signal.SIG_IGN)
            end_with_parent(supervisor)
            # Ctrl-C goes to the supervisor, which forwards it.
            os.setpgid(0, 0)
            self._selector.close()
            for other in self._workers:
                if other.pid:
                    os.close(other.pipe)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            status = self._run(worker.number, pipe)
            sys.stdout.flush()
        except BaseException as error:
            with suppress(OSError):
                os.write(pipe, str(error).encode()[:4096])
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            os._exit(status)

    # Reports and ends of workers.

    def _read_report(self, worker: _WorkerProcess) -> bool:
        """Read the report or the end of a worker; return whether the worker has not failed."""
        data = os.read(worker.pipe, 4096)
        if data:
            worker.said += data
            if not self._announced and all(one.is_ready for one in self._workers):
                self._announced = True
                self._on_ready()
            return True
        self._selector.unregister(worker.pipe)
        os.close(worker.pipe)
        _, status = os.waitpid(worker.pid, 0)
        worker.pid = 0
        code = os.waitstatus_to_exitcode(status)
        if self._ends:
            return code == 0 or not worker.is_ready
        self._plan_restart(worker, code)
        return True

    def _plan_restart(self, worker: _WorkerProcess, code: int) -> None:
        lived = time.monotonic() - worker.started
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        if not worker.is_ready and not self._announced:
            self._fail(worker.said.decode(errors="replace") or f"a worker {how}")
        elif worker.is_ready and (code == 0 or lived >= _STABLE_AFTER):
            worker.deaths, worker.due = 0, 0.0
            _log.error("worker %d %s", worker.number, how)
        else:
            self._note_death(worker, how)

    def _note_death(self, worker: _WorkerProcess, how: str) -> None:
        worker.deaths += 1
        worker.due = time.monotonic() + _PAUSE * 2 ** (worker.deaths - 1)
        _log.error("worker %d %s", worker.number, how)
        if worker.deaths >= _MAX_EARLY_DEATHS:
            self._fail(f"worker {worker.number} keeps dying: it {how}")

    def _fail(self, why: str) -> None:
        self._failure = why
        self._take(signal.SIGTERM, lambda: None)

    # Signals.

    def _take(self, number: int, on_end: Callable[[], None]) -> None:
        if number not in self._forward:
            number = signal.SIGTERM
            self._ends += 1
            if self._ends == 1:
                on_end()
        elif self._renew:
            self._renew(asked=True)
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Note signals, and yield a socket that becomes readable when there are some."""

        def note(number: int, _: FrameType | None) -> None:
            self._caught.append(number)

        woken, waking = socket.socketpair()
        with woken, waking:
            woken.setblocking(False)
            waking.setblocking(False)
            before = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
            numbers = (signal.SIGTERM, signal.SIGINT, *self._forward)
            handlers = [signal.signal(number, note) for number in numbers]
            try:
                yield woken
            finally:
                for number, handler in zip(numbers, handlers, strict=True):
                    signal.signal(number, handler)
                signal.set_wakeup_fd(before)

    def _kill_all(self) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
                os.close(worker.pipe)
                worker.pid = 0


def run_in_child(work: Callable[[], None]) -> None:
    """Do something in a child process, so that its threads and locks end with that process.

    Raises:
        CannotServe: the work failed.
    """
    supervisor = os.getpid()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            end_with_parent(supervisor)
            work()
        except BaseException as error:
            os.write(writing, (str(error) or type(error).__name__).encode()[:4096])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        failure = pipe.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    if failure or status:
        raise CannotServe(failure or f"the start was ended by signal {status & 0x7F}")


def end_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when its parent ends.

    Args:
        parent: the id of the parent process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent has already ended
        os._exit(1)
