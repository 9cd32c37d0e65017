"""Faults of an emulated cluster: what its clients must survive, at the moment a test chooses.

Each method that begins a fault returns it; it lasts until it is removed, or as a block::

    faults = Faults(cluster.kubeconfig)
    with faults.conflicts("sparkapplications.spark.apache.org", times=3):
        …
    faults.lose_node("default-worker2")

Which requests a fault means is said in RBAC's words: ``verbs``, ``resources`` (``pods``,
``pods/log``, ``deployments.apps``; patterns), ``namespace``, ``name`` and ``user`` (patterns).
"""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import InvalidInput, Missing, NotFound, Terminal
from spark_testkit.fault import Fault, Faulty

if TYPE_CHECKING:
    import httpx

__all__ = ["Faults"]

_TIMEOUT_S = 60.0
_DOOR = "/emulator"


class Faults(Faulty):
    """The faults of one emulated cluster.

    Args:
        kubeconfig: the cluster's; its user must be an administrator.

    Raises:
        InvalidInput: the file is no kubeconfig with a token.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._client = _client(kubeconfig)

    def close(self) -> None:
        """Let go of the connection; faults stay."""
        self._client.close()

    def rule(self, effect: str, **fields: Any) -> Fault:
        """Any fault that the cluster knows.

        Args:
            effect: ``refuse``, ``delay``, ``cut``, ``expire`` or ``stall``.
            fields: ``verbs``, ``resources``, ``namespace``, ``name``, ``user``, ``times`` (how many
                requests it hits; without it all), and of the effects ``code``, ``message``,
                ``retry_after_s``, ``delay_s``.

        Raises:
            InvalidInput: the cluster knows no such field or value.
        """
        return self._begin(effect, fields)

    def refuse(self, code: int, *resources: str, **fields: Any) -> Fault:
        """Answer with an error."""
        return self.rule("refuse", code=code, resources=resources, **fields)

    def errors(self, *resources: str, **fields: Any) -> Fault:
        """500: an error of the server's own."""
        return self.refuse(500, *resources, **fields)

    def throttle(self, *resources: str, retry_after_s: int = 1, **fields: Any) -> Fault:
        """429: too many requests."""
        return self.refuse(429, *resources, retry_after_s=retry_after_s, **fields)

    def conflicts(self, *resources: str, **fields: Any) -> Fault:
        """409 for whoever changes an object, as if somebody else had been faster."""
        return self.refuse(409, *resources, **{"verbs": ("update", "patch"), **fields})

    def slow(self, delay_s: float, *resources: str, **fields: Any) -> Fault:
        """Answer later."""
        return self.rule("delay", delay_s=delay_s, resources=resources, **fields)

    def slow_binding(self, delay_s: float, **fields: Any) -> Fault:
        """The scheduler takes its time: pods are without a node for so long."""
        return self.slow(delay_s, "pods/binding", **{"verbs": ("create",), **fields})

    def outage(self) -> Fault:
        """The whole API is away: every connection breaks, without an answer."""
        return self.rule("cut")

    def drop_watches(self, *resources: str, **fields: Any) -> Fault:
        """Break watches, those that are open and new ones."""
        return self.rule("cut", verbs=("watch",), resources=resources, **fields)

    def expire_watches(self, *resources: str, **fields: Any) -> Fault:
        """End watches with 410 Expired: clients have to list again."""
        return self.rule("expire", verbs=("watch",), resources=resources, **fields)

    def stall_watches(self, *resources: str, **fields: Any) -> Fault:
        """Watches stay open and say nothing; what they missed comes when it is over."""
        return self.rule("stall", verbs=("watch",), resources=resources, **fields)

    def lose_node(self, name: str) -> None:
        """The node's machine stops dead, with all that it runs."""
        self._call("POST", f"/nodes/{name}/lose")

    def return_node(self, name: str) -> None:
        """It starts again; the pods it had are written off."""
        self._call("POST", f"/nodes/{name}/return")

    def preempt_node(self, name: str, *, notice_s: float = 30) -> None:
        """Its owner takes it away, as the spot market does: pods get a notice, then it is gone."""
        self._call("POST", f"/nodes/{name}/preempt", {"notice_s": notice_s})

    def oom_kill(self, namespace: str, pod: str, container: str = "") -> None:
        """The kernel kills a container for its memory; the first one where none is named."""
        self._call("POST", f"/namespaces/{namespace}/pods/{pod}/oom", {"container": container})

    def evict(self, namespace: str, pod: str, message: str = "") -> None:
        """The node ends a pod for want of memory: phase Failed, reason Evicted."""
        self._call("POST", f"/namespaces/{namespace}/pods/{pod}/evict", {"message": message})

    def expire_tokens(self, namespace: str = "", account: str = "") -> None:
        """Tokens of service accounts, issued so far, are no good any more; empty means all."""
        given = {"namespace": namespace, "account": account}
        self._call("POST", "/tokens/expire", given)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        import httpx

        try:
            answer = self._client.request(method, _DOOR + path, json=body)
        except httpx.TransportError as error:
            raise Missing(
                f"the cluster of {self._kubeconfig} does not answer: {error}",
                hint="`spark-testkit cluster list` tells which run",
            ) from error
        if answer.is_success:
            return answer.json()
        message = answer.json().get("message", answer.text)
        if answer.status_code == 404 and path.startswith("/faults") and method != "DELETE":
            raise InvalidInput(
                f"the cluster of {self._kubeconfig} knows no faults",
                hint="one of flavour emulated does: `spark-testkit cluster up --flavor emulated`",
            )
        kinds: dict[int, type[InvalidInput | NotFound]] = {400: InvalidInput, 404: NotFound}
        raise kinds.get(answer.status_code, Terminal)(message)


def _client(kubeconfig: Path) -> httpx.Client:
    import httpx
    import yaml

    try:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        token, url = user["token"], cluster["server"]
    except (OSError, KeyError, IndexError, TypeError, ValueError, yaml.YAMLError) as error:
        raise InvalidInput(
            f"{kubeconfig} is no kubeconfig of an emulated cluster",
            hint="`spark-testkit cluster kubeconfig NAME` prints where one is",
        ) from error
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(cadata=authority),
        timeout=_TIMEOUT_S,
    )
