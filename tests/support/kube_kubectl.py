"""kubectl in a namespace of a test's own, or in none."""

import contextlib
import json
import os
import re
import subprocess
import threading

TIMEOUT_S = 90


class Kubectl:
    """Call it with kubectl's arguments: it returns what kubectl printed."""

    def __init__(self, kubeconfig, namespace, home):
        self.namespace = namespace
        self.env = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(home),
            # a cache of its own: another test's kinds are gone
            "KUBECACHEDIR": str(home / "cache"),
        }

    def command(self, *arguments):
        within = ["--namespace", self.namespace] if self.namespace else []
        return ["kubectl", *within, *arguments]

    def __call__(self, *arguments, stdin="", fails=False):
        done = self.run(*arguments, stdin=stdin if isinstance(stdin, str) else json.dumps(stdin))
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run(self, *arguments, stdin=""):
        """The ended process, however it ended."""
        return subprocess.run(
            self.command(*arguments),
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    @contextlib.contextmanager
    def running(self, *arguments):
        """A kubectl that goes on until the block ends."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # a kubectl that says nothing must not hold the test up
        alarm = threading.Timer(TIMEOUT_S, process.kill)
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
            process.stdout.close()

    @contextlib.contextmanager
    def forwarding(self, target, *ports):
        """The process, and the local ports that lead to a target's."""
        asked = [f":{each}" for each in ports]
        with self.running("port-forward", "--address=127.0.0.1", target, *asked) as process:
            local = []
            for _ in ports:
                line = process.stdout.readline()
                found = re.search(r"127\.0\.0\.1:(\d+) -> ", line)
                assert found, line + process.stdout.read()
                local.append(int(found[1]))
            # it prints a line for each connection, which nobody reads
            drain = threading.Thread(target=lambda: list(process.stdout), daemon=True)
            drain.start()
            yield process, local
            process.kill()
            drain.join()
