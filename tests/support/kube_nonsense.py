"""Requests that clients should not make, as hypothesis strategies: nearly right, or not at all."""

import json

import nonsense
from hypothesis import strategies as some
from kube_api import APPLY, JSON_PATCH, MERGE, STRATEGIC, config_map, deployment, pod
from kube_widgets import definition
from nonsense import quoted

GROUP = "fuzz.example.com"

words = some.one_of(
    some.sampled_from(["p", "d", "default", "kube-system", "w", "", "..", "%2f", "a/b", "é", "0"]),
    some.text(max_size=12),
)
keys = some.one_of(
    some.sampled_from(
        [
            "metadata",
            "spec",
            "status",
            "name",
            "namespace",
            "labels",
            "annotations",
            "finalizers",
            "ownerReferences",
            "uid",
            "resourceVersion",
            "generation",
            "managedFields",
            "deletionTimestamp",
            "containers",
            "image",
            "ports",
            "env",
            "volumes",
            "replicas",
            "selector",
            "template",
            "matchLabels",
            "matchExpressions",
            "data",
            "kind",
            "apiVersion",
            "items",
            "rules",
            "subjects",
            "roleRef",
            "versions",
            "schema",
            "names",
            "group",
            "scope",
            "size",
            "parts",
            "tags",
            "propagationPolicy",
            "preconditions",
            "gracePeriodSeconds",
            "$patch",
            "$setElementOrder/ports",
            "$retainKeys",
            "op",
            "path",
            "value",
            "from",
            "target",
        ]
    ),
    some.text(max_size=6),
)
anything = nonsense.anything(keys)
HERE = "namespaces/default"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
# by the collection they belong to
SOUND = {
    f"/api/v1/{HERE}/configmaps": config_map("c", data={"a": "b"}),
    f"/api/v1/{HERE}/pods": pod("p"),
    f"/apis/apps/v1/{HERE}/deployments": deployment("d"),
    f"/api/v1/{HERE}/services": {
        "metadata": {"name": "s"},
        "spec": {"ports": [{"port": 1}], "selector": {"a": "b"}},
    },
    f"/apis/{GROUP}/v1/{HERE}/widgets": {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1, "parts": [{"name": "a"}], "tags": ["x"]},
    },
    f"{RBAC}/{HERE}/roles": {
        "metadata": {"name": "r"},
        "rules": [{"verbs": ["get"], "resources": ["pods"], "apiGroups": [""]}],
    },
    f"/api/v1/{HERE}/resourcequotas": {
        "metadata": {"name": "q"},
        "spec": {"hard": {"limits.cpu": "100"}},
    },
    f"/api/v1/{HERE}/serviceaccounts/default/token": {"spec": {"audiences": ["a"]}},
    f"/api/v1/{HERE}/pods/p/eviction": {"metadata": {"name": "absent"}},
    f"/apis/apps/v1/{HERE}/deployments/d/scale": {"spec": {"replicas": 1}},
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    },
    "/apis/authentication.k8s.io/v1/tokenreviews": {"spec": {"token": "x", "audiences": ["a"]}},
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": definition("other.example.com"),
}
MEDIA = [
    *(MERGE, JSON_PATCH, STRATEGIC, APPLY, "application/json", "application/yaml"),
    *("application/vnd.kubernetes.protobuf", "application/cbor", "text/plain", "", ";;", "a/b;q=x"),
    *("application/json;charset=utf-8", "application/apply-patch+cbor"),
]
ACCEPTED = [
    *("application/json", "*/*", "", "application/json;as=Table;v=v1;g=meta.k8s.io", "text/html"),
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=Table;v=v9",
    "application/yaml",
    "application/vnd.kubernetes.protobuf;type=watch",
    ";;,=",
]
selectors = some.one_of(
    some.sampled_from(
        [
            "a=b",
            "a in (b,c",
            "a notin ()",
            "!a",
            "a==",
            ",,",
            "a in b",
            "=",
            "metadata.name=p",
            "spec.nodeName!=x",
            "status.phase=Running,",
            "spec.mode=fast",
            "a\\=b=c",
            "()",
        ]
    ),
    some.text(alphabet="ab=!,() \\./innotin", max_size=12),
)
numbers = some.one_of(
    some.integers(-2, 30).map(str),
    some.sampled_from(["", "x", "1e3", "-9223372036854775809", "99999999999999999999", "0x1", "١"]),
)
QUERIES = {
    "labelSelector": selectors,
    "fieldSelector": selectors,
    "limit": numbers,
    "continue": some.one_of(
        some.sampled_from(["x", "e30", "bnVsbA==", "W10=", "é", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"]),
        some.text(max_size=10),
    ),
    "resourceVersion": numbers,
    "resourceVersionMatch": some.sampled_from(["Exact", "NotOlderThan", "x", ""]),
    "fieldManager": some.sampled_from(["m", "", "x" * 200, "\t"]),
    "fieldValidation": some.sampled_from(["Strict", "Warn", "Ignore", "x"]),
    "dryRun": some.sampled_from(["All", "None", ""]),
    "force": some.sampled_from(["true", "maybe", ""]),
    "propagationPolicy": some.sampled_from(["Orphan", "Foreground", "x"]),
    "gracePeriodSeconds": numbers,
    "orphanDependents": some.sampled_from(["true", "x"]),
    "sendInitialEvents": some.sampled_from(["true", "false", "x"]),
    "allowWatchBookmarks": some.sampled_from(["true", "x"]),
    "includeObject": some.sampled_from(["None", "Object", "x"]),
    "pretty": some.just("true"),
    **dict.fromkeys(("tailLines", "sinceSeconds", "limitBytes"), numbers),
    "sinceTime": some.sampled_from(["x", "", "2020-01-01T00:00:00Z", "9999-99-99T00:00:00Z"]),
    "container": words,
    "ports": some.sampled_from(["1", "x", "-1", "99999", ""]),
    "command": words,
    "stdout": some.just("true"),
}


@some.composite
def addresses(draw, known):
    base, plural, sub, namespaced = draw(some.sampled_from(known))
    space = draw(some.sampled_from(["default", "default", "default", "absent", "%00", ""]))
    parts = [base]
    if namespaced and space:
        parts += ["namespaces", space]
    parts.append(plural)
    if sub or draw(some.booleans()):
        parts.append(quoted(draw(some.one_of(some.sampled_from(["p", "d", "c", "w"]), words))))
    if sub or draw(some.integers(0, 5)) == 0:
        parts.append(sub or quoted(draw(words)))
    if draw(some.integers(0, 9)) == 0:
        parts.append(quoted(draw(words)))
    return "/".join(parts)


@some.composite
def bent(draw, sound=None):
    """A sound object with one part replaced by anything."""
    return draw(nonsense.bent(sound or draw(some.sampled_from(list(SOUND.values()))), anything))


operations = some.lists(
    some.fixed_dictionaries(
        {"op": some.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"])},
        optional={
            "path": some.sampled_from(
                [
                    "",
                    "/",
                    "/metadata",
                    "/spec/containers/0",
                    "/spec/x/-",
                    "/metadata/labels",
                    "x",
                    "/metadata/finalizers/-",
                    "/spec/containers/01",
                    "/~2",
                    "/kind",
                    "/data/a",
                ]
            ),
            "from": some.sampled_from(["", "/metadata", "/spec", "/data/a", "/absent"]),
            "value": anything,
        },
    ),
    max_size=3,
)
bodies = some.one_of(
    some.binary(max_size=40),
    some.sampled_from([b"", b"{", b"[" * 3000, b"\xff", b'{"a":1e999}', b"a: &a [*a]", b"NaN"])
    | some.just(b"k8s\0\x0a\x03abc"),
    anything.map(lambda value: json.dumps(value).encode("utf-8", "replace")),
    bent().map(lambda value: json.dumps(value).encode()),
    operations.map(lambda value: json.dumps(value).encode()),
)
queries = some.dictionaries(some.sampled_from(sorted(QUERIES)), some.none(), max_size=4).flatmap(
    lambda chosen: some.fixed_dictionaries({key: QUERIES[key] for key in chosen})
)
verbs = some.sampled_from(
    ["GET", "GET", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD", "TRACE"]
)
