"""What a kind cluster is to be, as data: names, configuration, the images of a node. Pure."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from spark_testkit.engine.catalogue import KindSpec

__all__ = [
    "LABEL",
    "REGION",
    "cluster_config",
    "kind_name",
    "node_name",
    "reference_names",
    "version_flags",
]

# kind's own, on each of its containers
LABEL = "io.x-k8s.kind.cluster"
# Kubernetes' well-known label of a node
REGION = "topology.kubernetes.io/region"
# kubeadm asks for its images under these very names. A node has them before it starts: nothing is
# fetched from there.
_REGISTRY = "registry.k8s.io"
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def kind_name(name: str, state_dir: Path) -> str:
    """What kind calls a cluster: one engine may serve several state directories."""
    state = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:8]
    return f"sparktk-{state}-{name}"


def node_name(kind_name: str) -> str:
    """The container that is the cluster's node."""
    return f"{kind_name}-control-plane"


def cluster_config(
    *, built_here: bool, region: str = "", ports: Mapping[int, int] = MappingProxyType({})
) -> str:
    """The configuration for ``kind create cluster``: JSON, which is YAML.

    Args:
        built_here: whether the node's image is ours. It has a network of its own, and a containerd
            that cannot tell the kubelet to use systemd's cgroups.
        region: that its node says it is in; empty for none.
        ports: of its node → of this machine's loopback interface, which lead there.
    """
    kubelet: dict[str, Any] = {"kind": "KubeletConfiguration", "failCgroupV1": False}
    document: dict[str, Any] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
    if built_here:
        kubelet["cgroupDriver"] = "cgroupfs"
        document["networking"] = {"disableDefaultCNI": True}
    node: dict[str, Any] = {}
    if region:
        node["labels"] = {REGION: region}
    if ports:
        node["extraPortMappings"] = [
            {"containerPort": inside, "hostPort": here, "listenAddress": "127.0.0.1"}
            for inside, here in ports.items()
        ]
    if node:
        document["nodes"] = [{"role": "control-plane", **node}]
    document["kubeadmConfigPatches"] = [json.dumps(kubelet)]
    return json.dumps(document)


def reference_names(spec: KindSpec) -> dict[str, tuple[str, ...]]:
    """Image of ours (its folder under ``images/kind-node``) → what kubeadm calls it."""
    programs = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    return {
        "components": (
            *(f"{_REGISTRY}/{program}:v{spec.kubernetes}" for program in programs),
            f"{_REGISTRY}/etcd:{spec.etcd}-0",
        ),
        "coredns": (f"{_REGISTRY}/coredns/coredns:v{spec.coredns}",),
        "pause": (f"{_REGISTRY}/pause:{spec.pause}",),
    }


def version_flags(kubernetes: str) -> str:
    """The linker flags that tell Kubernetes' programs their version; without them it is v0.0.0."""
    major, minor, _ = kubernetes.split(".")
    facts = {
        "gitVersion": f"v{kubernetes}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": f"v{kubernetes}",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return " ".join(
        f"-X {package}.{fact}={value}"
        for package in _VERSION_PACKAGES
        for fact, value in facts.items()
    )
