"""The services of a running stack: planned once, started together, watched to their end."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from spark_platform.kernel.errors import Conflict, PlatformError, Terminal
from spark_platform.kernel.wait import poll
from spark_testkit import ports
from spark_testkit.providers.provider import Instance, Provider, log_tail
from spark_testkit.service import PlanContext, Service, ServiceRequest, ServiceSpec
from spark_testkit.services import closure, service
from spark_testkit.settings import Settings
from spark_testkit.stack_folder import StackFolder
from spark_testkit.supervisor.protocol import ServiceStatus

__all__ = ["Roster"]

DEFAULT_STACK = "default"


@dataclass
class _Member:
    """A service and what became of it so far."""

    request: ServiceRequest
    spec: ServiceSpec
    provider: str
    state: str = "starting"
    detail: str = ""
    started_in_s: float | None = None
    error: PlatformError | None = None
    instance: Instance | None = None
    task: asyncio.Task[None] | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    waiters: int = 0

    def status(self) -> ServiceStatus:
        return ServiceStatus(
            name=self.spec.name,
            state=self.state,
            endpoint=self.spec.endpoint,
            started_in_s=self.started_in_s,
            provider=self.provider,
            detail=self.detail,
        )

    def has_just_ended(self) -> bool:
        """Whether its process is gone though its task has not come to see that."""
        return self.state == "running" and self.instance is not None and not self.instance.alive()


class Roster:
    """Starts and stops the services of one stack.

    Args:
        folder: the stack's folder.
        settings: where caches live.
        provider: makes what runs them, when there is a first one to run.
    """

    def __init__(
        self, folder: StackFolder, settings: Settings, provider: Callable[[], Provider]
    ) -> None:
        self._folder = folder
        self._make_provider = provider
        self._made: Provider | None = None
        self._settings = settings
        self._members: dict[str, _Member] = {}
        # held while members come or go
        self._changing = asyncio.Lock()
        self._closing = False

    def status(self) -> list[ServiceStatus]:
        """Every service, in the order they were planned."""
        return [member.status() for member in self._members.values()]

    def exports(self) -> dict[str, str]:
        """The environment of a client: the exports of all running services."""
        return {
            key: value
            for member in self._members.values()
            if member.state == "running" and member.request.name == member.request.kind
            for key, value in member.spec.exports.items()
        }

    def exports_of(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """What each of ``names`` exports."""
        return {name: dict(self._members[name].spec.exports) for name in names}

    async def up(
        self,
        requests: list[ServiceRequest],
        *,
        timeout_s: float,
        report: Callable[[ServiceStatus], None],
    ) -> list[str]:
        """Start ``requests`` and what they need; return the names of all of them.

        What already runs is left as it is; what had failed is started again, with the ports and
        the data it had. Cancelled, it stops the services that were starting for this call alone.

        Args:
            timeout_s: seconds for each service to answer.
            report: told of each service when it starts to start, and when that ended.

        Raises:
            PlatformError: the first service that did not start, with its last log lines.
        """
        explicit = {request.name for request in requests}
        members: list[_Member] = []
        waiting: dict[asyncio.Task[bool], _Member] = {}
        try:
            async with self._changing:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make_provider)
                for request in closure(requests):
                    member = await self._enrol(request, request.name in explicit, timeout_s)
                    member.waiters += 1
                    members.append(member)
            for member in members:
                report(member.status())
                waiting[asyncio.create_task(member.settled.wait())] = member
            while waiting:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    member = waiting.pop(task)
                    report(member.status())
                    if member.error:
                        raise member.error
        finally:
            for task in waiting:
                task.cancel()
            for member in members:
                member.waiters -= 1
            async with self._changing:
                await self._discard(
                    each for each in members if each.state == "starting" and not each.waiters
                )
        return [member.spec.name for member in members]

    async def stop(self, names: Iterable[str]) -> None:
        """Stop services at once, together, and forget them and their data."""
        wanted = set(names)
        async with self._changing:
            await self._discard(each for name, each in self._members.items() if name in wanted)

    async def close(self) -> None:
        """Stop every service, and refuse to start another."""
        self._closing = True
        async with self._changing:
            await self._discard(self._members.values())
            if self._made:
                await self._made.close()

    @property
    def _provider(self) -> Provider:
        assert self._made is not None, "the first `up` makes it"
        return self._made

    async def _enrol(self, request: ServiceRequest, explicit: bool, timeout_s: float) -> _Member:
        """The member for ``request``: the present one, or a new one that begins to start."""
        if self._closing:
            raise Terminal(f"stack {self._folder.name!r} is going down")
        present = self._members.get(request.name)
        if present and present.task and present.has_just_ended():
            await present.task
        if present and present.state != "failed":
            if explicit and dict(request.options) not in ({}, dict(present.request.options)):
                raise Conflict(
                    f"{request.name} already runs with other options",
                    hint="take the stack down first, or use another --name",
                )
            return present
        if present:
            await self._end(present)
        spec = await asyncio.to_thread(self._plan, request, present)
        member = self._members[request.name] = _Member(
            request, spec, self._provider.name, detail=spec.detail
        )
        member.task = asyncio.create_task(self._run(member, timeout_s))
        return member

    def _plan(self, request: ServiceRequest, failed: _Member | None) -> ServiceSpec:
        kind = service(request.kind)
        location = self._provider.locate(request, kind, self._folder.path)
        published = self._ports(kind, request, failed)
        context = PlanContext(
            request=request,
            folder=location.folder,
            stack_folder=location.stack_folder,
            ports=location.listens or published,
            secrets=self._folder.secrets(),
            peers={
                peer: self._members[peer].spec
                for peer in (*kind.needs, *kind.wants)
                if peer in self._members
            },
            settings=self._settings,
            place=location.place,
            published=published,
        )
        return kind.plan(context)

    def _ports(
        self, kind: Service, request: ServiceRequest, failed: _Member | None
    ) -> dict[str, int]:
        """The ports of an instance; a failed one that is started again keeps its own.

        It keeps its folder as well, so those that need it find it where, and as, it was.
        """
        known: Mapping[str, int | None] = dict.fromkeys(kind.ports)
        if failed:
            known = failed.spec.ports
        elif self._folder.name == DEFAULT_STACK and request.name == request.kind:
            known = kind.ports
        promised = {
            port
            for each in self._members.values()
            if each is not failed
            for port in each.spec.ports.values()
        }
        free = iter(ports.free_ports(len(known), avoid=promised))
        return {
            purpose: ports.require_free(port, service=request.name)
            # another of the stack's own has it: Spark Connect's port is the Gateway's, too
            if port and port not in promised
            else next(free)
            for purpose, port in known.items()
        }

    async def _run(self, member: _Member, timeout_s: float) -> None:
        """The life of one service: wait for its predecessors, start, answer, end."""
        try:
            await self._start(member, timeout_s)
        except Exception as error:
            self._fail(member, error)
            if member.instance:
                await member.instance.stop()
            return
        finally:
            member.settled.set()
        assert member.instance is not None
        returncode = await member.instance.exited()
        self._fail(member, self._ended(member, returncode))

    async def _start(self, member: _Member, timeout_s: float) -> None:
        for name in member.spec.after:
            before = self._members[name]
            await before.settled.wait()
            if before.error:
                raise Terminal(f"{member.spec.name} needs {name}, which did not start")
        started = time.monotonic()
        name = member.spec.name
        instance = await self._provider.start(member.spec, self._folder.service(name))
        member.instance = instance
        if instance.identity:
            self._folder.record(name, instance.identity)

        def answer() -> None:
            if instance.returncode is not None:
                raise self._ended(member, instance.returncode)
            member.spec.readiness.check()

        try:
            await asyncio.to_thread(poll, answer, what=f"{name} to answer", timeout_s=timeout_s)
        except PlatformError as error:
            if instance.returncode is None:
                error.message += self._last_words(member)
            raise
        member.started_in_s = round(time.monotonic() - started, 3)
        member.state = "running"

    def _fail(self, member: _Member, error: Exception) -> None:
        if not isinstance(error, PlatformError):
            error = Terminal(f"{member.spec.name}: {type(error).__name__}: {error}")
        member.state, member.error, member.detail = "failed", error, error.message

    def _ended(self, member: _Member, returncode: int) -> Terminal:
        how = (
            f"was killed by signal {-returncode}" if returncode < 0 else f"exited with {returncode}"
        )
        return Terminal(
            f"{member.spec.name} {how}{self._last_words(member)}",
            hint="`spark-testkit doctor` checks the machine",
        )

    def _last_words(self, member: _Member) -> str:
        tail = log_tail(self._folder.service(member.spec.name))
        return f"\n--- last lines of {member.spec.name}'s log ---\n{tail}" if tail else ""

    async def _discard(self, members: Iterable[_Member]) -> None:
        """End present members and delete their folders; the caller holds ``_changing``."""
        present = [each for each in members if self._members.get(each.spec.name) is each]
        ends = await asyncio.gather(
            *(self._end(member) for member in present), return_exceptions=True
        )
        for member in present:
            name = member.spec.name
            del self._members[name]
            shutil.rmtree(self._folder.service(name), ignore_errors=True)
            await self._provider.forget(name)
        for failure in filter(None, ends):
            raise failure

    async def _end(self, member: _Member) -> None:
        if member.state == "starting":
            # before its task ends: that wakes those who wait for it
            member.error = Terminal(f"{member.spec.name} was stopped while it started")
        if member.task:
            member.task.cancel()
            await asyncio.gather(member.task, return_exceptions=True)
        if member.instance:
            await member.instance.stop()
        member.state = "stopped"
        member.settled.set()
        self._folder.forget(member.spec.name)
