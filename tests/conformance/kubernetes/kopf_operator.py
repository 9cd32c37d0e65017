"""An operator as kopf's users write them: a greeting is kept as a config map of its own."""

import asyncio
import contextlib
import os

import kopf
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

KIND = (os.environ["GREETING_GROUP"], "v1", "greetings")
# the first run of the operator never comes to the end of a creation
HANGS = os.environ.get("GREETING_HANGS") == "yes"
ENOUGH_TICKS = 3


@kopf.on.startup()
def connect(settings, memo, **_):
    config.load_kube_config()
    memo.core = client.CoreV1Api()
    settings.posting.enabled = True


@kopf.on.create(*KIND)
async def greet(memo, name, namespace, spec, **_):
    child = {"metadata": {"name": name}, "data": {"text": spec["text"]}}
    kopf.adopt(child)
    with contextlib.suppress(ApiException):
        memo.core.create_namespaced_config_map(namespace, child)
    if HANGS:
        await asyncio.sleep(3600)
    return {"child": name}


@kopf.on.update(*KIND, field="spec.text")
def greet_again(memo, name, namespace, new, body, **_):
    memo.core.patch_namespaced_config_map(name, namespace, {"data": {"text": new}})
    kopf.info(body, reason="Changed", message=f"it says {new} now")


@kopf.on.delete(*KIND)
def part(memo, name, namespace, **_):
    memo.core.create_namespaced_config_map(namespace, {"metadata": {"name": f"parted-{name}"}})


@kopf.timer(*KIND, interval=0.2)
def tick(status, patch, **_):
    ticks = status.get("ticks", 0)
    if ticks < ENOUGH_TICKS:
        patch.status["ticks"] = ticks + 1
