"""The flights job on one emulated cluster: a SparkApplication against a ``spark-submit``."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.kernel.errors import NotFound, Terminal
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, connect
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.engine import install
from spark_testkit.resources import resource
from spark_testkit.services.kubernetes import NAMESPACE
from spark_testkit.stack import Stack

__all__ = ["SUMMARY", "run"]

SUMMARY = "the flights job on Kubernetes: by the operator and by spark-submit"
_EACH, _TIMEOUT_S = 3, 300.0
_BUCKET, _SPACE = "flights-raw", NAMESPACE
_EXAMPLE = resource("examples/coreetl_flights")
_LABELS = ("SparkApplication", "spark-submit --deploy-mode cluster")


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Run the same job both ways in turns; two executors each, tables replaced each time."""
    ours: list[float] = []
    stock: list[float] = []
    with _site(space) as (kubernetes, kubeconfig, manifest, exports):
        # the first of all fills the caches of the disk
        _apply(kubernetes, manifest, "warm-up")
        for number in range(options.repetitions(_EACH)):
            ours.append(_apply(kubernetes, manifest, f"flights-{number}"))
            say(f"flights: applied, done after {ours[-1]:.1f} s")
            name = f"submitted-{number}"
            stock.append(_submit(space, kubernetes, kubeconfig, manifest, exports, name))
            say(f"flights: by spark-submit after {stock[-1]:.1f} s")
    return [
        Comparison(
            "flights job to its end",
            "s",
            Series(_LABELS[0], tuple(ours)),
            Series(_LABELS[1], tuple(stock)),
            Goal("ratio", 1.0),
        )
    ]


@contextlib.contextmanager
def _site(
    space: Workspace,
) -> Iterator[tuple[Kubernetes, Path, Mapping[str, Any], Mapping[str, str]]]:
    """A stack with a cluster and the operator, and with the job's code and data."""
    with Stack("flights", settings=space.settings) as stack:
        started = stack.up("s3", "unity-catalog", "spark-operator")
        exports = {**started["s3"], **started["unity-catalog"]}
        environment = clean_environment({**exports, "PYTHONPATH": str(_EXAMPLE)})
        for module in ("coreetl_flights.data", "coreetl_flights.package"):
            argv = [sys.executable, "-m", module, _BUCKET]
            subprocess.run(argv, env=environment, check=True, timeout=_TIMEOUT_S)
        kubeconfig = Path(started["kubernetes"]["KUBECONFIG"])
        with contextlib.closing(connect(kubeconfig)) as kubernetes:
            yield kubernetes, kubeconfig, _manifest(exports), exports


def _manifest(exports: Mapping[str, str]) -> dict[str, Any]:
    text = (_EXAMPLE / "sparkapplication.yaml").read_text("utf-8")
    text = text.replace("http://localhost:8080", exports["UNITY_CATALOG_URI"])
    text = text.replace("http://localhost:9000", exports["AWS_ENDPOINT_URL_S3"])
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _apply(kubernetes: Kubernetes, manifest: Mapping[str, Any], name: str) -> float:
    """Seconds from the application's creation to its driver's end."""
    begin = time.monotonic()
    kubernetes.create(APPLICATIONS, _SPACE, {**manifest, "metadata": {"name": name}})
    return _ended(kubernetes, f"{name}-0-driver", begin)


def _submit(
    space: Workspace,
    kubernetes: Kubernetes,
    kubeconfig: Path,
    manifest: Mapping[str, Any],
    exports: Mapping[str, str],
    name: str,
) -> float:
    """The same by Spark's own submission, with the same settings."""
    spec = manifest["spec"]
    engine = install(None, space.settings)
    home = engine.spark_home
    conf = {
        **spec["sparkConf"],
        "spark.kubernetes.namespace": _SPACE,
        "spark.kubernetes.driver.pod.name": name,
        "spark.kubernetes.submission.waitAppCompletion": "false",
    }
    main, *more = spec["pyFiles"].split(",")
    argv = [
        *(str(home / "bin" / "spark-submit"), "--master", f"k8s://{kubernetes.url}"),
        *("--deploy-mode", "cluster", "--name", name, "--py-files", ",".join(more)),
        *(part for key, value in conf.items() for part in ("--conf", f"{key}={value}")),
        *(main, *spec["driverArgs"]),
    ]
    # it looks at the files itself, whose store needs jars that are not Spark's
    connectors = (str(jar) for jar in engine.jars if not jar.is_relative_to(home))
    environment = clean_environment(
        {
            "KUBECONFIG": str(kubeconfig),
            "SPARK_HOME": str(home),
            "SPARK_DIST_CLASSPATH": ":".join(connectors),
            "AWS_ACCESS_KEY_ID": exports["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": exports["AWS_SECRET_ACCESS_KEY"],
        }
    )
    begin = time.monotonic()
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S)
    if done.returncode:
        raise Terminal(f"spark-submit failed: {done.stderr[-2000:]}")
    return _ended(kubernetes, name, begin)


def _ended(kubernetes: Kubernetes, pod: str, begin: float) -> float:
    def there() -> None:
        try:
            status = kubernetes.get(PODS, _SPACE, pod)["status"]
        except NotFound as error:
            raise NotYet(str(error)) from error
        if status.get("phase") == "Failed":
            raise Terminal(f"{pod} failed: {kubernetes.logs(_SPACE, pod, tail=20)}")
        if status.get("phase") != "Succeeded":
            raise NotYet(json.dumps(status.get("phase")))

    poll(there, what=pod, timeout_s=_TIMEOUT_S)
    return time.monotonic() - begin
