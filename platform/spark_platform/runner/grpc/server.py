"""The gRPC door: the same service, tokens and errors as the one of HTTP."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import anyio
import grpc
from anyio import to_thread

from spark_platform.identity import Caller, Verifier, bearer
from spark_platform.kernel.errors import InvalidInput, Missing, PlatformError
from spark_platform.kernel.statuses import grpc_code_of
from spark_platform.runner.grpc import runner_pb2 as pb
from spark_platform.runner.grpc.messages import job_of, run_message, state_of
from spark_platform.runner.grpc.runner_pb2_grpc import (
    SparkRunnerServicer,
    add_SparkRunnerServicer_to_server,
)
from spark_platform.runner.service import Runner

__all__ = ["serving"]

_LOG = logging.getLogger(__name__)
_LARGEST_MESSAGE = 1 << 20
_LOOKS_EVERY_S = 0.2
_GRACE_S = 2.0
_LISTED = 100
# the hint of an error, beside its message
_HINT = "spark-platform-hint"

T = TypeVar("T")


@contextlib.asynccontextmanager
async def serving(runner: Runner, verifier: Verifier, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port.

    Args:
        port: 0 takes a free one.

    Raises:
        Missing: the port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
        # two that share a port would each get some of the calls
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    add_SparkRunnerServicer_to_server(_Servicer(runner, verifier), server)  # type: ignore[no-untyped-call]
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise Missing(
            f"cannot listen on {host}:{port}", hint="choose another port, or stop what uses it"
        ) from error
    await server.start()
    _LOG.info("serving the Runner's gRPC at %s:%s", host, bound)
    try:
        yield bound
    finally:
        await server.stop(_GRACE_S)


class _Servicer(SparkRunnerServicer):
    def __init__(self, runner: Runner, verifier: Verifier) -> None:
        self._runner, self._verifier = runner, verifier

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.SubmitResponse:
        def submit(who: Caller) -> pb.SubmitResponse:
            job = job_of(request.job)
            run, new = self._runner.submit(request.idempotency_token, job, domain=who.domain)
            return pb.SubmitResponse(run=run_message(run), created=new)

        return await self._answer(context, submit)

    async def Check(self, request: pb.CheckRequest, context: Any) -> pb.Run:
        return await self._answer(
            context,
            lambda who: run_message(self._runner.check(request.run_id, domain=who.domain)),
        )

    async def Cancel(self, request: pb.CancelRequest, context: Any) -> pb.Run:
        def cancel(who: Caller) -> pb.Run:
            reason = request.reason or f"{who.user} cancelled it"
            return run_message(self._runner.cancel(request.run_id, reason, domain=who.domain))

        return await self._answer(context, cancel)

    async def List(self, request: pb.ListRequest, context: Any) -> pb.ListResponse:
        def list_(who: Caller) -> pb.ListResponse:
            try:
                states = [state_of(each) for each in request.states]
            except ValueError as error:
                raise InvalidInput(f"states: {error}") from None
            found = self._runner.list(
                domain=who.domain,
                states=states,
                name=request.name,
                after=request.after,
                limit=request.limit or _LISTED,
            )
            return pb.ListResponse(runs=[run_message(each) for each in found])

        return await self._answer(context, list_)

    async def Watch(self, request: pb.CheckRequest, context: Any) -> AsyncIterator[pb.Run]:
        known = -1
        while True:
            run = await self._answer(
                context, lambda who: self._runner.check(request.run_id, domain=who.domain)
            )
            if run.version != known:
                known = run.version
                yield run_message(run)
            if run.state.ended:
                return
            await anyio.sleep(_LOOKS_EVERY_S)

    async def _answer(self, context: Any, act: Callable[[Caller], T]) -> T:
        """What ``act`` returns for whoever asks; an error of ours is the call's status."""
        metadata = dict(context.invocation_metadata() or ())

        def known() -> T:
            return act(self._verifier.verify(bearer(metadata.get("authorization"))))

        try:
            return await to_thread.run_sync(known)
        except PlatformError as error:
            code = getattr(grpc.StatusCode, grpc_code_of(error))
            hint = tuple(_hints(error))
            await context.abort(code, error.message, hint)
            raise AssertionError("abort raises") from error


def _hints(error: PlatformError) -> Iterator[tuple[str, str]]:
    # metadata is ASCII
    if error.hint and error.hint.isascii():
        yield _HINT, error.hint.replace("\n", " ")
