"""Who may do what: domains, their namespaces and clusters, out of one file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from spark_platform.identity import Caller
from spark_platform.kernel.errors import Forbidden, InvalidInput

__all__ = ["Domain", "Policy"]

_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class Domain(_Part):
    """A tenant.

    Attributes:
        namespace: where its applications are, on every cluster; another domain's is another one.
        clusters: those it may use; all where there is none.
        service_accounts: as which its drivers may run.
    """

    namespace: str = Field(pattern=_NAME)
    clusters: frozenset[str] = frozenset()
    service_accounts: tuple[str, ...] = ("spark",)


class Policy(_Part):
    """All domains.

    Attributes:
        domains: by name.
        platform_users: who may act for every domain: the Runner, operators of the platform.
    """

    domains: dict[str, Domain] = Field(min_length=1)
    platform_users: frozenset[str] = frozenset()

    @classmethod
    def from_file(cls, path: Path) -> Policy:
        """Read a policy of YAML.

        Raises:
            InvalidInput: names the file and every wrong field.
        """
        try:
            found = cls.model_validate(yaml.safe_load(path.read_bytes()))
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise InvalidInput(f"{path} is no YAML: {error}") from error
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}"
                for each in error.errors(include_url=False)
            )
            raise InvalidInput(f"{path}: {problems}") from None
        found.check(str(path))
        return found

    def check(self, source: str) -> None:
        """Refuse two domains in one namespace.

        Raises:
            InvalidInput: names both.
        """
        seen: dict[str, str] = {}
        for name, each in self.domains.items():
            other = seen.setdefault(each.namespace, name)
            if other != name:
                raise InvalidInput(
                    f"{source}: domains {other} and {name} share the namespace {each.namespace}",
                    hint="a namespace is what keeps domains apart: give each its own",
                )

    @cached_property
    def _by_namespace(self) -> dict[str, str]:
        return {each.namespace: name for name, each in self.domains.items()}

    def authorized(self, caller: Caller, namespace: str) -> tuple[str, Domain]:
        """The domain of a namespace, if the caller may act there.

        Raises:
            Forbidden: it may not, or there is no such domain; which of both is not said.
        """
        name = self._by_namespace.get(namespace, "")
        allowed = caller.user in self.platform_users or (name and caller.domain == name)
        if not name or not allowed:
            raise Forbidden(
                f'user "{caller.user}" of domain "{caller.domain}" may not use namespace '
                f'"{namespace}"',
                hint="a domain's applications are in its own namespace",
            )
        return name, self.domains[name]

    def everywhere(self, caller: Caller) -> None:
        """Let those pass who may see all namespaces.

        Raises:
            Forbidden: the caller may not.
        """
        if caller.user not in self.platform_users:
            raise Forbidden(
                f'user "{caller.user}" of domain "{caller.domain}" may not list all namespaces',
                hint="say a namespace: `kubectl --namespace NAMESPACE …`",
            )
