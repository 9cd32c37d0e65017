"""A stack: a named set of services under one supervisor.

What is here only talks to the supervisor, and starts one where there is none. The CLI, the pytest
plugin and library users share it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from spark_platform.kernel.errors import Missing, NotFound, Terminal, TimedOut
from spark_platform.kernel.files import private_folder
from spark_platform.kernel.process import ProcessId, run
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.engine.progress import OnProgress, silent
from spark_testkit.providers import check_provider
from spark_testkit.providers.provider import LOG_NAME
from spark_testkit.service import ServiceRequest
from spark_testkit.services import DEFAULT_SERVICES, closure, service
from spark_testkit.settings import Settings
from spark_testkit.stack_folder import StackFolder
from spark_testkit.supervisor import protocol
from spark_testkit.supervisor.client import Connection
from spark_testkit.supervisor.protocol import ServiceStatus

__all__ = ["DEFAULT_TIMEOUT_S", "Exports", "Stack"]

DEFAULT_TIMEOUT_S = 120.0
_SUPERVISOR_STARTS_WITHIN_S = 30
_SUPERVISOR_ENDS_WITHIN_S = 30
_LOCK_TIMEOUT_S = 60
_ANSWER_WITHIN_S = 30

Exports = dict[str, str]


class Stack:
    """A named stack of services on this machine.

    ``up`` leaves the stack running until ``down``. As a context manager a stack is leased: it ends
    with the block, or with this process, however that ends.

    Args:
        name: 1 to 63 of ``a-z 0-9 . _ -``; "default" gets the well-known ports, others free ones.
        settings: where state and caches live; from the environment when None.
        holder: a process whose end is the stack's end, such as a test run's controller.
        provider: "process" or "docker": what the services run as.

    Raises:
        InvalidInput: the name or provider is not allowed.
    """

    def __init__(
        self,
        name: str = "default",
        *,
        settings: Settings | None = None,
        holder: ProcessId | None = None,
        provider: str = "process",
    ) -> None:
        self.name = name
        self.provider = check_provider(provider)
        self._settings = settings or Settings.from_env(os.environ)
        self._folder = StackFolder.of(name, self._settings)
        self._holder = holder
        self._leases: list[Connection] | None = None

    def __enter__(self) -> Stack:
        self._leases = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        leases, self._leases = self._leases or [], None
        if leases:
            self._let_go(leases, self._folder.supervisor())

    def up(
        self,
        *services: str | ServiceRequest,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        on_progress: OnProgress = silent,
        on_service: Callable[[ServiceStatus], None] = lambda _: None,
    ) -> dict[str, Exports]:
        """Start services (the default ones when none is named) and what they need.

        What runs is left alone.

        Args:
            services: kinds of service, or requests with options.
            timeout_s: seconds for each service to answer.
            on_progress: told how the fetching of an engine proceeds.
            on_service: told when a service starts to start, and when that ended.

        Returns:
            By service, the environment variables its clients need.

        Raises:
            InvalidInput: an unknown service.
            Missing: a program or port that a service needs is not available.
            Conflict: a service already runs with other options.
            Terminal, TimedOut: a service did not start; carries its last log lines.
        """
        requests = [
            ServiceRequest.of(each) if isinstance(each, str) else each
            for each in services or DEFAULT_SERVICES
        ]
        for request in closure(requests):
            prepare = service(request.kind).prepare
            if prepare and self.provider == "process":
                prepare(request, self._settings, on_progress)
        connection = self._connect()
        # one that has nothing to do any more takes its folder away before it ends
        supervisor = self._folder.supervisor()
        try:
            answer = connection.ask(
                {
                    "op": "up",
                    "services": protocol.encode_requests(requests),
                    "provider": self.provider,
                    "timeout_s": timeout_s,
                    "keep": self._leases is None and self._holder is None,
                },
                on_service,
            )
        except BaseException:
            self._let_go([connection], supervisor)
            raise
        if self._leases is None:
            connection.close()
        else:
            self._leases.append(connection)
        exports: dict[str, Exports] = answer["exports"]
        return exports

    def stop(self, *services: str) -> None:
        """Stop services of a running stack; the rest goes on."""
        self._ask({"op": "stop", "services": list(services)})

    def down(self) -> bool:
        """Stop everything and delete the stack; False when there was none.

        Raises:
            TimedOut: a process would not end.
        """
        if not self._folder.path.exists():
            return False
        supervisor = self._folder.supervisor()
        if not supervisor:
            with self._lock():
                if not self._folder.supervisor():
                    self._folder.remove()
            return True
        try:
            with contextlib.suppress(Missing, Terminal):
                self._ask({"op": "down"})
            self._wait_until_gone(supervisor)
        except TimedOut:
            # it is stuck; its services end with it, or are found by the notes it left
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor.pid, signal.SIGKILL)
            self._wait_until_gone(supervisor)
        with self._lock():
            if not self._folder.supervisor():
                self._folder.remove()
        return True

    def status(self) -> list[ServiceStatus]:
        """Every service of the stack; empty when the stack is not running."""
        try:
            services = self._ask({"op": "status"})["services"]
        except Missing:
            return []
        return [ServiceStatus(**each) for each in services]

    def env(self) -> Exports:
        """The environment variables that point clients at this stack.

        Where it has a Gateway, ``SPARK_REMOTE`` leads through it, with a token of 12 hours.

        Raises:
            Missing: the stack is not running.
            Transient: its token issuer does not answer.
        """
        exports: Exports = self._ask({"op": "env"})["env"]
        if "SPARK_GATEWAY_CONNECT" in exports:
            from spark_testkit.tokens import connect_remote

            # the one door to Spark Connect, where there is one
            return {**exports, "SPARK_REMOTE": connect_remote(exports)}
        return exports

    def log_file(self, service_name: str) -> Path:
        """The file a service prints to.

        Raises:
            Missing: the stack is not running.
            NotFound: it has no such service.
        """
        names = [status.name for status in self.status()]
        if not names:
            raise self._not_running()
        if service_name not in names:
            raise NotFound(
                f"stack {self.name!r} has no service {service_name!r}",
                hint=f"it has: {', '.join(names)}",
            )
        return self._folder.service(service_name) / LOG_NAME

    def _ask(self, request: protocol.Message) -> protocol.Message:
        if not self._folder.supervisor():
            raise self._not_running()
        try:
            connection = Connection.open(self._folder.socket)
        except OSError:
            raise self._not_running() from None
        with connection:
            return connection.ask(request, timeout_s=_ANSWER_WITHIN_S)

    def _not_running(self) -> Missing:
        return Missing(
            f"stack {self.name!r} is not running",
            hint=f"start it: `spark-testkit up{self._name_option()}`",
        )

    def _name_option(self) -> str:
        return "" if self.name == "default" else f" --name {self.name}"

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Only one process at a time starts or clears away a stack."""
        path = private_folder(self._settings.state_dir / "stacks") / ".lock"
        try:
            with FileLock(path, timeout=_LOCK_TIMEOUT_S, mode=0o600):
                yield
        except Timeout:
            raise TimedOut(
                f"another process has held {path} for {_LOCK_TIMEOUT_S} s",
                hint="see who: `fuser` on that file; end that process",
            ) from None

    def _connect(self) -> Connection:
        """A connection to the supervisor, which is started where there is none."""
        with self._lock():
            if self._folder.supervisor():
                with contextlib.suppress(OSError):
                    return Connection.open(self._folder.socket)
                # it is on its way out: it closes its socket first
                self._wait_until_gone(self._folder.supervisor())
            self._folder.remove()
            return self._start_supervisor()

    def _start_supervisor(self) -> Connection:
        argv = [sys.executable, "-m", "spark_testkit.supervisor", self.name]
        argv += ["--provider", self.provider]
        if self._holder:
            argv += ["--holder", str(self._holder.pid)]
        environment = {**os.environ, **self._settings.as_env()}
        try:
            # not in the user's folder: `-m` would import what happens to lie there
            private_folder(self._folder.path)
            run(
                argv,
                env=environment,
                cwd=self._folder.path,
                timeout_s=_SUPERVISOR_STARTS_WITHIN_S,
            )
            return Connection.open(self._folder.socket)
        except BaseException:
            self._folder.remove()
            raise

    def _let_go(self, leases: list[Connection], supervisor: ProcessId | None) -> None:
        """End leases; come back when ``supervisor`` has ended, or somebody else keeps the stack."""
        for lease in leases:
            lease.close()

        def settled() -> None:
            with contextlib.suppress(Missing, Terminal):
                if self._ask({"op": "status"})["kept"]:
                    return
            if supervisor and supervisor.alive():
                raise NotYet("its services are being stopped")

        poll(settled, what=f"stack {self.name!r} to end", timeout_s=_SUPERVISOR_ENDS_WITHIN_S)

    def _wait_until_gone(self, supervisor: ProcessId | None) -> None:
        def gone() -> None:
            if supervisor and supervisor.alive():
                raise NotYet(f"process {supervisor.pid} still runs")

        poll(gone, what=f"stack {self.name!r} to end", timeout_s=_SUPERVISOR_ENDS_WITHIN_S)
