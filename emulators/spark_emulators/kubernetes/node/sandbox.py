"""The room of a container that is a process: this machine's files, copy-on-write, and its mounts.

A shell script makes it in namespaces of its own: every folder of ``/`` under an overlay whose
upper side is memory, volumes at their places, a process table and a host name. Nothing of it is on
this machine outside, so nothing has to be cleaned away. Root is not needed where the system lets
users make namespaces; folders that cannot be overlaid are then shared as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from spark_emulators.kubernetes.node.containers import Mount

__all__ = ["BEGUN", "ENTER", "NAMESPACES", "Room", "TopLevel", "script", "top_level"]

NAMESPACES = ("--mount", "--pid", "--uts")
# The first process that the outer shell starts is the first of its namespace, and ends with it.
# The shell tells how that ended, which `unshare --fork` does not do of a SIGKILL, and keeps its own
# words about it out of the log.
ENTER = 'exec 8>&2 2>/dev/null; setpriv --pdeathsig KILL /bin/sh "$0" 2>&8 8>&-; exit $?'
# of the machine itself; the rest of the top level is copied on write, or new
_SHARED = ("sys",)
_NEW = ("dev", "proc", "run", "tmp")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_TOOLS = "/usr/sbin:/usr/bin:/sbin:/bin"
# the last words of what cannot be started
START_ERROR = "start-error"
# a FIFO that the script writes to when it becomes the command
BEGUN = "begun"


@dataclass(frozen=True)
class TopLevel:
    """What is in ``/``.

    Attributes:
        folders: names of folders.
        links: name → where it leads.
    """

    folders: tuple[str, ...]
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """What one container shall find.

    Attributes:
        folder: of this run, on this machine: the script's, and where it mounts.
        hostname: the pod's name.
        layers: path → folder of this machine laid there, copy-on-write.
        mounts: what is laid there as it is.
        working_dir: where the command starts; made where it is absent.
        argv: the command.
    """

    folder: Path
    hostname: str
    layers: Mapping[str, Path]
    mounts: Sequence[Mount]
    working_dir: str
    argv: Sequence[str]


def top_level(root: Path = Path("/")) -> TopLevel:
    """This machine's."""
    folders, links = [], {}
    for entry in os.scandir(root):
        if entry.is_symlink():
            links[entry.name] = os.readlink(entry.path)
        elif entry.is_dir():
            folders.append(entry.name)
    return TopLevel(tuple(sorted(folders)), links)


def script(room: Room, machine: TopLevel) -> str:
    """The script that makes the room and becomes the command."""
    return "\n".join((*_outside(room, machine), _enter(room), ""))


def _outside(room: Room, machine: TopLevel) -> Iterable[str]:
    """In the namespaces, still with this machine's root: ``$R`` becomes the new one."""
    copied = [name for name in machine.folders if name not in (*_SHARED, *_NEW)]
    yield "set -e"
    # the container's own need not lead to the tools used here
    yield f"export SANDBOX_PATH=$PATH PATH={_TOOLS}"
    yield f"exec 7>{quote(str(room.folder / BEGUN))} 9>{quote(str(room.folder / START_ERROR))}"
    yield f"printf %s {quote(room.hostname[:63])} >/proc/sys/kernel/hostname"
    yield f"T={quote(str(room.folder / 'room'))}; R=$T/root"
    yield "mount -t tmpfs -o mode=755 tmpfs $T"
    rooms = " ".join(f"$R/{quote(name)}" for name in (*copied, *_SHARED, *_NEW))
    keys = [f"t{number}" for number in range(len(copied))]
    keys += [f"l{number}" for number in range(len(room.layers))]
    sides = " ".join(f"$T/{key}u $T/{key}w" for key in keys)
    yield f"mkdir -p $R/.mounts {rooms} {sides}"
    yield "mkdir -p $R/dev/pts $R/dev/shm; chmod 1777 $R/tmp $R/dev/shm"
    for name in _DEVICES:
        yield f"touch $R/dev/{name}; mount --bind /dev/{name} $R/dev/{name}"
    for name, leads_to in _DEVICE_LINKS.items():
        yield f"ln -s {leads_to} $R/dev/{name}"
    yield "mount -t devpts -o newinstance,ptmxmode=0666 devpts $R/dev/pts"
    for name, leads_to in machine.links.items():
        yield f"ln -s {quote(leads_to)} $R/{quote(name)}"
    for number, name in enumerate(copied):
        overlaid = _overlay(f"/{name}", f"t{number}", f"$R/{quote(name)}")
        yield f"{overlaid} 2>/dev/null || mount --rbind /{quote(name)} $R/{quote(name)}"
    for name in _SHARED:
        yield f"mount --rbind /{name} $R/{name}"
    yield "mount -t proc proc $R/proc"
    for number, source in enumerate(room.layers.values()):
        if source.is_dir():
            yield f"mkdir $R/.mounts/l{number}"
            yield _overlay(str(source), f"l{number}", f"$R/.mounts/l{number}")
        else:
            yield f"cp {quote(str(source))} $R/.mounts/l{number}"
    for number, mount in enumerate(room.mounts):
        made = "mkdir" if mount.source.is_dir() else "touch"
        yield f"{made} $R/.mounts/{number}"
        yield f"mount --rbind {quote(str(mount.source))} $R/.mounts/{number}"


def _overlay(lower: str, key: str, target: str) -> str:
    for special in (":", ","):
        lower = lower.replace(special, f"\\{special}")
    options = f"{quote(f'lowerdir={lower}')},upperdir=$T/{key}u,workdir=$T/{key}w"
    return f"mount -t overlay overlay -o {options} {target}"


def _enter(room: Room) -> str:
    """The step into the new root, where links lead to its own folders."""
    lines = ["set -e"]
    for number, (target, source) in enumerate(room.layers.items()):
        if source.is_dir():
            lines.append(
                f"mkdir -p {quote(target)}; mount --move /.mounts/l{number} {quote(target)}"
            )
        else:
            lines.append(f"mkdir -p {quote(os.path.dirname(target))}")
            lines.append(f"mv /.mounts/l{number} {quote(target)}")
    for number, mount in enumerate(room.mounts):
        target = quote(mount.target)
        if mount.source.is_dir():
            lines.append(f"mkdir -p {target}")
        else:
            lines.append(
                f"mkdir -p {quote(os.path.dirname(mount.target))}; test -e {target} || >{target}"
            )
        lines.append(f"mount --move /.mounts/{number} {target}")
        if mount.read_only:
            lines.append(f"mount -o remount,ro,bind {target}")
    lines.append("rm -r /.mounts")
    lines.append(f"mkdir -p {quote(room.working_dir)}; cd {quote(room.working_dir)}")
    lines.append("PATH=$SANDBOX_PATH; unset SANDBOX_PATH")
    lines.append(
        'command -v -- "$1" >/dev/null || { echo "exec: \\"$1\\": executable file not found in'
        ' \\$PATH" >&9; exit 128; }'
    )
    lines.append('printf . >&7; exec 7>&- 9>&-; exec "$@"')
    command = " ".join(map(quote, room.argv))
    return f"exec chroot $R /bin/sh -c {quote('; '.join(lines))} sandbox {command}"
