"""A YAML loader that knows JSON's types only. Apart, so that only YAML costs its import."""

from __future__ import annotations

import yaml

__all__ = ["Loader"]

_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Base):  # type: ignore[misc, valid-type]
    """Safe, without timestamps: Kubernetes' times are text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
