"""Limits of memory: what counts, and who is told."""

import asyncio
import os
import subprocess
import sys

import pytest

from spark_emulators.kubernetes.node.memory import (
    MemoryWatch,
    Process,
    children,
    processes,
    resident_bytes,
)

_MIB = 1 << 20
_HOLDS = "import sys; held = bytearray(b'x' * (64 << 20)); print(flush=True); sys.stdin.read()"


def test_all_below_a_process_counts_and_nothing_else():
    found = {
        1: Process(0, 1000),
        10: Process(1, 100),
        11: Process(10, 20),
        12: Process(10, 3),
        13: Process(12, 4),
        99: Process(1, 5000),
    }

    below = children(found)
    assert resident_bytes(found, below, 10) == 27
    assert resident_bytes(found, below, 13) == 0
    assert resident_bytes(found, below, 12345) == 0


@pytest.fixture
def holder():
    """A process that has a child, which holds 64 MiB."""
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_HOLDS!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", starts], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_the_kernel_tells_of_all_processes(holder):
    found = processes()

    assert found[holder].parent == os.getpid()
    assert found[os.getpid()].resident_bytes > _MIB
    assert 64 * _MIB < resident_bytes(found, children(found), holder) < 160 * _MIB


def test_a_process_that_is_over_its_limit_is_told_of_once(holder):
    async def told():
        watch, over, twice = MemoryWatch(), asyncio.Event(), []

        async def act():
            twice.append(over.is_set())
            over.set()

        with watch.over(holder, 32 * _MIB, act):
            await asyncio.wait_for(over.wait(), 30)
            with watch.over(os.getpid(), 64 * 1024 * _MIB, act):
                # a limit that is set later is looked at too, and this one is kept
                later = asyncio.Event()

                async def act_later():
                    later.set()

                with watch.over(-holder, None, act_later):
                    pass
                with watch.over(os.getppid(), 1, act_later):
                    await asyncio.wait_for(later.wait(), 30)
        watch.close()
        return twice

    assert asyncio.run(told()) == [False]
