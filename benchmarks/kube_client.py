"""The least of a Kubernetes client: one connection that stays open, bytes in and out.

What a client library adds is the same for every server, and would hide what is measured.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from spark_platform.kernel.errors import Terminal

__all__ = ["KubeClient", "access"]

_TIMEOUT_S = 60


def access(kubeconfig: Path) -> tuple[str, int, ssl.SSLContext, dict[str, str]]:
    """Host, port, TLS and headers of a kubeconfig's user, by token or by certificate."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    headers = {"Content-Type": "application/json"}
    if "token" in user:
        headers["Authorization"] = f"Bearer {user['token']}"
    else:
        # OpenSSL takes its own certificate from a file only
        file = kubeconfig.with_suffix(".pem")
        file.touch(0o600)
        parts = (user["client-certificate-data"], user["client-key-data"])
        file.write_bytes(b"".join(base64.b64decode(each) for each in parts))
        context.load_cert_chain(file)
    server = urlsplit(cluster["server"])
    assert server.hostname
    assert server.port
    return server.hostname, server.port, context, headers


class KubeClient:
    """One client of one server.

    Args:
        kubeconfig: whose.
    """

    def __init__(self, kubeconfig: Path) -> None:
        host, port, context, self._headers = access(kubeconfig)
        self._http = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)

    def call(self, method: str, path: str, body: Any = None, kind: str = "") -> bytes:
        """The answer's body.

        Args:
            kind: the body's content type, where it is not JSON.

        Raises:
            Terminal: it is an error.
        """
        headers = {**self._headers, **({"Content-Type": kind} if kind else {})}
        self._http.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise Terminal(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()
