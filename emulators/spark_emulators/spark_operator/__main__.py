"""``python -m spark_emulators.spark_operator``: run the operator."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from spark_emulators.spark_operator.operator import Operator
from spark_emulators.spark_operator.resources.definitions import install
from spark_emulators.spark_operator.settings import OPERATOR_NAME, OperatorSettings
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.kubernetes.lease import LeaseSettings
from spark_platform.kernel.process import ProcessId

_LOOKS_EVERY_S = 0.5


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    lease = None
    if arguments.lease:
        namespace, _, name = arguments.lease.partition("/")
        lease = LeaseSettings(namespace, name or "spark-operator-lease")
    settings = OperatorSettings(
        kubeconfig=arguments.kubeconfig,
        context=arguments.context,
        namespace=arguments.namespace,
        name=arguments.name,
        workers=arguments.workers,
        events=arguments.events,
        lease=lease,
    )
    try:
        kubernetes = connect(settings.kubeconfig, settings.context)
        if arguments.install_definitions:
            install(kubernetes)
        if arguments.until_end_of is not None:
            _stop_with(arguments.until_end_of, stop)
        Operator(kubernetes, settings).run(stop, lambda: _touch(arguments.ready_file))
        kubernetes.close()
    except PlatformError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    # one that lost its lease is started again by whoever runs it
    return 0 if stop.is_set() else 1


def _stop_with(pid: int, stop: threading.Event) -> None:
    """Set ``stop`` when a process has ended."""

    def look() -> None:
        process = ProcessId.of(pid)
        while process is not None and process.alive():
            if stop.wait(_LOOKS_EVERY_S):
                return
        stop.set()

    threading.Thread(target=look, name="holder", daemon=True).start()


def _touch(file: Path | None) -> None:
    if file:
        file.touch(mode=0o600)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="spark_emulators.spark_operator", description=__doc__)
    parser.add_argument(
        "--kubeconfig", type=Path, help="of the cluster; else KUBECONFIG or the pod's"
    )
    parser.add_argument("--context", help="of the kubeconfig; else its current one")
    parser.add_argument("--namespace", default="", help="the only one to look after")
    parser.add_argument("--name", default=OPERATOR_NAME, help="the operator's own name")
    parser.add_argument("--workers", type=int, default=4, help="applications worked on at once")
    parser.add_argument(
        "--lease", metavar="NAMESPACE[/NAME]", help="elect one of several replicas by this lease"
    )
    parser.add_argument("--ready-file", type=Path, help="made when it looks after applications")
    parser.add_argument(
        "--until-end-of", type=int, metavar="PID", help="stop when that process has ended"
    )
    parser.add_argument("--no-events", dest="events", action="store_false", help="write no events")
    parser.add_argument(
        "--no-definitions", dest="install_definitions", action="store_false",
        help="the custom resources are installed already",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
