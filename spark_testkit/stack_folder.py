"""A stack on disk: its folder, who supervises it, and the remains of one whose supervisor died.

The folder exists exactly as long as the stack. Everything in it is private (0700, files 0600).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.files import private_folder, write_atomically
from spark_platform.kernel.process import ProcessId
from spark_testkit.settings import Settings

__all__ = ["StackFolder"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?")
# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, with a final zero
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class StackFolder:
    """Where a stack keeps its state.

    Attributes:
        name: the stack's name.
        path: its folder.
    """

    name: str
    path: Path

    @classmethod
    def of(cls, name: str, settings: Settings) -> StackFolder:
        """The folder of stack ``name``, which may not exist.

        Raises:
            InvalidInput: the name cannot be a stack's.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"stack name {name!r} is not allowed",
                hint="1 to 63 of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends",
            )
        return cls(name, settings.state_dir / "stacks" / name)

    @classmethod
    def all(cls, settings: Settings) -> list[StackFolder]:
        """Every stack that has a folder, by name."""
        parent = settings.state_dir / "stacks"
        if not parent.is_dir():
            return []
        return [cls(path.name, path) for path in sorted(parent.iterdir()) if path.is_dir()]

    @property
    def socket(self) -> Path:
        """The supervisor's unix socket; outside the folder where its path would be too long."""
        path = self.path / "socket"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        # not the user's TMPDIR: client and supervisor may see different ones
        return Path("/tmp") / f"spark-testkit-{os.getuid()}-{digest}" / "socket"  # noqa: S108

    @property
    def log(self) -> Path:
        """What the supervisor itself printed."""
        return self.path / "supervisor.log"

    def service(self, name: str) -> Path:
        """The folder of service ``name``."""
        return self.path / "services" / name

    def create(self, supervisor: ProcessId) -> None:
        """Make the folder, owned by ``supervisor``."""
        private_folder(self.path)
        private_folder(self.socket.parent)
        self.record("supervisor", supervisor)

    def record(self, role: str, process: ProcessId) -> None:
        """Note a process of this stack, so that it can be found after a crash."""
        write_atomically(self.path / "processes" / f"{role}.json", json.dumps(asdict(process)))

    def forget(self, role: str) -> None:
        """The process noted as ``role`` has ended."""
        (self.path / "processes" / f"{role}.json").unlink(missing_ok=True)

    def processes(self) -> dict[str, ProcessId]:
        """The noted processes, by role; unreadable notes are skipped."""
        found = {}
        for path in self.path.glob("processes/*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found[path.stem] = ProcessId(**json.loads(path.read_text()))
        return found

    def supervisor(self) -> ProcessId | None:
        """The living supervisor of this stack, or None."""
        process = self.processes().get("supervisor")
        return process if process and process.alive() else None

    def secrets(self) -> Mapping[str, str]:
        """The stack's own random secrets, made on first use."""
        path = self.path / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        made = {
            "s3_access_key": "TESTKIT" + secrets.token_hex(6).upper(),
            "s3_secret_key": secrets.token_urlsafe(30),
            "connect_token": secrets.token_urlsafe(30),
            "token_issuer": secrets.token_urlsafe(30),
            "catalog_token": secrets.token_urlsafe(30),
        }
        if not made.keys() <= known.keys():
            known = {**made, **known}
            write_atomically(path, json.dumps(known))
        return known

    def remove(self) -> None:
        """Delete the folder and what is left of the stack.

        A noted process is killed only if it is still the very process that was noted: its pid may
        long belong to somebody else.
        """
        for process in self.processes().values():
            if process.alive() and process.pid != os.getpid():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
        if self.socket.parent != self.path:
            shutil.rmtree(self.socket.parent, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
