"""Templates and their revisions: hashes, numbers, and the annotations of a deployment's sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.store.store import Object

__all__ = [
    "DESIRED",
    "HASH",
    "MOST",
    "REVISION",
    "annotations_of",
    "hash_of",
    "revision_of",
    "same",
]

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
_OWN = (
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, _HISTORY, DESIRED, MOST,
    "deprecated.deployment.rollback.to",
)  # fmt: skip
# no vowels, and no digits that look like some: no hash is a word
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def hash_of(template: Mapping[str, Any], collisions: int = 0) -> str:
    """What tells a template from others, short enough for a label."""
    text = json.dumps([template, collisions or None], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = ""
    for _ in range(10):
        number, digit = divmod(number, len(_LETTERS))
        letters += _LETTERS[digit]
    return letters


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two templates are equal but for the label of their hash."""
    return _bare(one) == _bare(other)


def _bare(template: Mapping[str, Any]) -> dict[str, Any]:
    bare: dict[str, Any] = copy(dict(template))
    metadata = bare.get("metadata") or {}
    (metadata.get("labels") or {}).pop(HASH, None)
    bare["metadata"] = {
        key: each for key, each in metadata.items() if each not in (None, {}, "", [])
    }
    return bare


def revision_of(value: Object) -> int:
    """The revision it is annotated with; 0 without one."""
    text = (value["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def annotations_of(
    owner: Object, new: Object | None, old: Sequence[Object], most: int
) -> dict[str, str]:
    """The annotations of the set that has the deployment's template.

    Args:
        new: that set, if it is there already.
        old: the others.
        most: how many replicas a rollout may have.
    """
    known = dict((new["metadata"].get("annotations") or {}) if new else {})
    given = owner["metadata"].get("annotations") or {}
    found = known | {key: each for key, each in given.items() if key not in _OWN}
    was = revision_of(new) if new else 0
    revision = max([1, was, *(revision_of(each) + 1 for each in old)])
    if was and revision > was:
        found[_HISTORY] = ",".join(filter(None, [known.get(_HISTORY, ""), str(was)]))
    found[REVISION] = str(revision)
    found[DESIRED], found[MOST] = str(owner["spec"]["replicas"]), str(most)
    return found
