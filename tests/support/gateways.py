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
from spark_platform.gateway.api import create_app
from spark_platform.gateway.applications import APPLICATIONS, Applications, Member
from spark_platform.gateway.placements import Placements
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.routing import Cluster
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.client import connect

TIMEOUT_S = 30
NAMES = ("east", "west")
POLICY = Policy(
    domains={
        "travel": Domain(namespace="travel"),
        "bank": Domain(namespace="bank", clusters=frozenset({"west"})),
    },
    platform_users=frozenset({"runner"}),
)


class Gateway:
    """A gateway that serves, on a thread."""

    def __init__(self, kubeconfigs, folder, database):
        self.folder = folder
        self.clusters = {name: connect(file) for name, file in kubeconfigs.items()}
        members = {
            name: Member(Cluster(name, region=f"eu-{name}"), connect(file))
            for name, file in kubeconfigs.items()
        }
        self.members = members
        self.placements = Placements(database)
        applications = Applications(members, POLICY, self.placements)

        @contextlib.asynccontextmanager
        async def lifespan(_):
            yield
            applications.close()

        app = create_app(
            applications, Known(), members["east"].kubernetes.document, lifespan=lifespan
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
