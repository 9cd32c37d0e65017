"""The process provider: what a service has started ends with it."""

import asyncio
import sys

import psutil

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.providers.process import ProcessProvider
from spark_testkit.service import ServiceSpec

# starts what has a session of its own
SERVICE = """
import signal, subprocess, sys
own = {"stdin": subprocess.PIPE, "start_new_session": True}
follower = subprocess.Popen([sys.executable, "-c", sys.argv[1]], **own)
signal.pause()
"""
# tears down for a while once the service is gone
FOLLOWER = """
import os, pathlib, sys, time
pathlib.Path("started").write_text(f"{os.getpid()}\\n")
sys.stdin.read()
time.sleep(0.5)
pathlib.Path("ended").touch()
"""
# does not notice
STUBBORN = """
import os, pathlib, signal
pathlib.Path("started").write_text(f"{os.getpid()}\\n")
signal.pause()
"""


class Quiet:
    def check(self):
        pass


def stopped(folder, follower):
    """The pid of a service's follower, after the service was stopped."""

    def its_pid():
        file = folder / "started"
        if not file.exists() or not (text := file.read_text()):
            raise NotYet("it has not started")
        return int(text)

    async def body():
        argv = (sys.executable, "-c", SERVICE, follower)
        instance = await ProcessProvider().start(ServiceSpec("one", argv, "", Quiet()), folder)
        pid = await asyncio.to_thread(poll, its_pid, what="the follower", timeout_s=30)
        await instance.stop()
        return pid

    return asyncio.run(body())


def test_a_stop_awaits_what_tears_down_by_itself(tmp_path):
    pid = stopped(tmp_path, FOLLOWER)
    assert (tmp_path / "ended").exists()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_stop_kills_what_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr("spark_testkit.providers.process._FOLLOWS_WITHIN_S", 0.1)
    pid = stopped(tmp_path, STUBBORN)

    def gone():
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            raise NotYet(f"{pid} runs")

    poll(gone, what="the kill", timeout_s=10)
