"""``python -m spark_testkit.supervisor STACK [--holder PID]``: started by ``Stack``, not by people.

The process forks: the child supervises, the parent exits when the child listens (0) or has failed
(1, saying why). So whoever starts it need not guess, and has no child of its own to wait for.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from spark_platform.kernel.files import private_folder
from spark_testkit.settings import Settings
from spark_testkit.stack_folder import StackFolder

_TOLD_CHARACTERS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(prog="spark_testkit.supervisor")
    parser.add_argument("stack")
    parser.add_argument("--holder", type=int, help="the stack ends with this process")
    parser.add_argument("--provider", default="process", help="what runs the services")
    arguments = parser.parse_args()
    settings = Settings.from_env(os.environ)
    folder = StackFolder.of(arguments.stack, settings)
    private_folder(folder.path)
    listening, say_listening = os.pipe()
    if os.fork() == 0:
        os.close(listening)
        _detach(folder.log)
        _supervise(folder, settings, arguments, say_listening)
    else:
        os.close(say_listening)
        if not os.read(listening, 1):
            sys.exit(folder.log.read_text(errors="replace")[-_TOLD_CHARACTERS:])


def _detach(log: Path) -> None:
    os.setsid()
    os.chdir("/")
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)


def _supervise(
    folder: StackFolder, settings: Settings, arguments: argparse.Namespace, say_listening: int
) -> NoReturn:
    import asyncio

    from spark_platform.kernel.errors import Conflict
    from spark_platform.kernel.process import ProcessId
    from spark_testkit.supervisor.server import serve

    # services are asked on loopback; a proxy that the user needs elsewhere must not answer for them
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost,127.0.0.1"]))
    folder.create(ProcessId.current())
    holder_pid: int | None = arguments.holder
    holder = ProcessId.of(holder_pid) if holder_pid is not None else None
    if holder_pid is not None and holder is None:
        raise Conflict(f"process {holder_pid}, which wanted this stack, has ended")

    def listening() -> None:
        os.write(say_listening, b".")
        os.close(say_listening)

    asyncio.run(serve(folder, settings, holder, arguments.provider, listening))
    sys.exit(0)


if __name__ == "__main__":
    main()
