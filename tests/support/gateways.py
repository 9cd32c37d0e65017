"""A gateway over two clusters, which a test asks and looks behind."""

import base64
import contextlib
import json
import secrets
import socket
import ssl
import threading

import httpx
import uvicorn
from runs import Known

from spark_emulators.kubernetes.certificates import Authority
from spark_emulators.spark_operator.resources.definitions import install
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.api import create_app
from spark_platform.gateway.applications import Applications
from spark_platform.gateway.archive import Archive
from spark_platform.gateway.audit import Audit
from spark_platform.gateway.clusters import Clusters
from spark_platform.gateway.members.kubernetes import KubernetesMember
from spark_platform.gateway.placements import Placements
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.routing import Cluster
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.kubernetes.resources import Resource

TIMEOUT_S = 30
START_TEXT = "2026-01-01T00:00:00Z"
NAMES = ("east", "west")
POLICY = Policy(
    domains={
        "travel": Domain(namespace="travel"),
        "bank": Domain(namespace="bank", clusters=frozenset({"west"})),
    },
    platform_users=frozenset({"runner"}),
)


def prepare(kubeconfig, *namespaces):
    """Give a cluster the custom resources, and namespaces for domains."""
    with contextlib.closing(connect(kubeconfig)) as kubernetes:
        install(kubernetes)
        for name in namespaces:
            value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            kubernetes.create(Resource("v1", "namespaces"), "", value)


def behind(name, kubernetes):
    """A cluster, as a gateway has it."""
    return KubernetesMember(Cluster(name, region=f"eu-{name}"), kubernetes)


class Gateway:
    """A gateway that serves, on a thread."""

    def __init__(
        self, kubeconfigs, folder, database, *, policy=POLICY, verifier=None, backends=None
    ):
        self.folder = folder
        self.clusters = {name: connect(file) for name, file in kubeconfigs.items()}
        kubernetes = {name: behind(name, connect(file)) for name, file in kubeconfigs.items()}
        members = {**kubernetes, **(backends or {})}
        self.members = members
        self.placements = Placements(database)
        self.archive, self.audit = Archive(database), Audit(database)
        applications = Applications(
            Clusters(members), policy, self.placements, self.archive, self.audit
        )

        @contextlib.asynccontextmanager
        async def lifespan(_):
            yield
            applications.close()

        app = create_app(
            applications,
            verifier or Known(),
            next(iter(kubernetes.values())).kubernetes.document,
            lifespan=lifespan,
        )
        # kubectl sends no token without TLS
        authority = Authority(folder / "pki")
        certificate, key = authority.server(("127.0.0.1",))
        self.ca = authority.pem.decode()
        tls = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", **tls))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        sockets = {"sockets": [self._listener]}
        self._thread = threading.Thread(target=self._server.run, kwargs=sockets)
        self._thread.start()

    def ask(self, method, path, **options):
        context = ssl.create_default_context(cadata=self.ca)
        with httpx.Client(verify=context, trust_env=False, timeout=TIMEOUT_S) as client:
            return client.request(method, self.url + path, **options)

    def close(self):
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        for each in self.clusters.values():
            each.close()

    def kubeconfig(self, token):
        file = self.folder / f"{secrets.token_hex(4)}.json"
        file.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "g",
            "clusters": [{"name": "g", "cluster": {
                "server": self.url,
                "certificate-authority-data": base64.b64encode(self.ca.encode()).decode(),
            }}],
            "users": [{"name": "g", "user": {"token": token}}],
            "contexts": [{"name": "g", "context": {"cluster": "g", "user": "g"}}],
        }))  # fmt: skip
        return file

    def client(self, token="ana@travel"):
        return contextlib.closing(connect(self.kubeconfig(token)))

    def where(self, name, namespace="travel"):
        """The clusters that have an application."""
        found = []
        for cluster, kubernetes in self.clusters.items():
            with contextlib.suppress(NotFound):
                kubernetes.get(APPLICATIONS, namespace, name)
                found.append(cluster)
        return found


def application(name, **metadata):
    return {
        "apiVersion": "spark.apache.org/v1", "kind": "SparkApplication",
        "metadata": {"name": name, **metadata},
        "spec": {"runtimeVersions": {"sparkVersion": "4.1.4"}, "pyFiles": "local:///job.py"},
    }  # fmt: skip


def status(*states):
    """That of an application which came to these states, all of them at the start of the clock."""
    history = {
        str(number): {"currentStateSummary": state, "lastTransitionTime": START_TEXT,
                      "message": f"it is {state}"}
        for number, state in enumerate(states)
    }  # fmt: skip
    current = history[str(len(states) - 1)] if states else {}
    return {"currentState": current, "stateTransitionHistory": history}


def finished_application(name, *, version=1, ttl_s="", states=("Succeeded", "ResourceReleased")):
    """One of the gateway's, as its cluster has it."""
    annotations = {"spark-platform/placed-at": "x"}
    if ttl_s:
        annotations["spark-platform/ttl-s"] = ttl_s
    value = application(
        name, namespace="travel", uid=f"uid-{name}", resourceVersion=str(version),
        annotations=annotations,
    )  # fmt: skip
    return {**value, "status": status(*states)}
