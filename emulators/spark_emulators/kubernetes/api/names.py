"""Names and labels: what Kubernetes allows, and its words for what it does not."""

from __future__ import annotations

import re
import secrets

__all__ = [
    "annotation_faults",
    "generate",
    "label",
    "label_value",
    "path_segment",
    "qualified",
    "subdomain",
]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

# no vowels and no lookalikes: generated names spell nothing
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
_MAX_BASE = 63 - _SUFFIX
MAX_ANNOTATIONS_BYTES = 262_144

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
    " for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
    " must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex"
    " used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
    " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or"
    " 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or"
    " 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def generate(base: str) -> str:
    """``base`` and five characters, short enough for a label."""
    return base[:_MAX_BASE] + "".join(secrets.choice(_ALPHABET) for _ in range(_SUFFIX))


def subdomain(name: str) -> list[str]:
    """What is wrong with ``name`` as a DNS subdomain, the rule for most objects."""
    faults = [] if len(name) <= 253 else ["must be no more than 253 characters"]
    return faults if _SUBDOMAIN.fullmatch(name) else [*faults, _SUBDOMAIN_TEXT]


def label(name: str) -> list[str]:
    """The same as a DNS-1123 label: namespaces, containers, ports, volumes."""
    faults = [] if len(name) <= 63 else ["must be no more than 63 characters"]
    return faults if _LABEL.fullmatch(name) else [*faults, _LABEL_TEXT]


def label_1035(name: str) -> list[str]:
    """The same as a DNS-1035 label: services before 1.36's relaxation."""
    faults = [] if len(name) <= 63 else ["must be no more than 63 characters"]
    return faults if _LABEL_1035.fullmatch(name) else [*faults, _LABEL_1035_TEXT]


def path_segment(name: str) -> list[str]:
    """The same for kinds whose names only have to fit into a path: roles and bindings."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{each}'" for each in "/%" if each in name]


def qualified(name: str) -> list[str]:
    """What is wrong with ``name`` as a label or annotation key."""
    faults = []
    prefix, slash, rest = name.rpartition("/")
    if slash:
        if not prefix:
            faults.append("prefix part must be non-empty")
        else:
            faults += [f"prefix part {each}" for each in subdomain(prefix)]
        if "/" in prefix:
            return [
                "a qualified name "
                + _QUALIFIED_TEXT[len("name part ") :]
                + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
    if not rest:
        faults.append("name part must be non-empty")
    elif len(rest) > 63:
        faults.append("name part must be no more than 63 characters")
    if not _QUALIFIED.fullmatch(rest):
        faults.append(_QUALIFIED_TEXT)
    return faults


def label_value(value: str) -> list[str]:
    """What is wrong with ``value`` as a label's value."""
    faults = [] if len(value) <= 63 else ["must be no more than 63 characters"]
    return faults if _VALUE.fullmatch(value) else [*faults, _VALUE_TEXT]


def annotation_faults(annotations: dict[str, str]) -> bool:
    """Whether all annotations together are too large."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    return size > MAX_ANNOTATIONS_BYTES
