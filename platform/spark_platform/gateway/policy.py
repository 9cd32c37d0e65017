"""Who may do what: domains, their namespaces and clusters, out of one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from spark_platform.identity import Caller
from spark_platform.kernel.errors import Forbidden, InvalidInput

__all__ = ["Domain", "Policy", "ServiceAccount"]

_ACCOUNT = r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"
_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class ServiceAccount(_Part):
    """A service account that acts for a domain.

    Attributes:
        cluster: whose it is.
        namespace, service_account: its name there.
        user: as whom it acts; empty for a name made of all three.
    """

    cluster: str = Field(min_length=1)
    namespace: str = Field(pattern=_NAME)
    service_account: str = Field(pattern=_ACCOUNT)
    user: str = ""


class Domain(_Part):
    """A tenant.

    Attributes:
        namespace: where its applications are, on every cluster; another domain's is another one.
        clusters: those it may use; all where there is none, but for those that are no Kubernetes.
        fallback: those it may use beside them where none of them can take an application.
        service_accounts: as which its drivers may run.
        callers: service accounts of the clusters that may act for it, from wherever they run.
    """

    namespace: str = Field(pattern=_NAME)
    clusters: frozenset[str] = frozenset()
    fallback: frozenset[str] = frozenset()
    service_accounts: tuple[str, ...] = ("spark",)
    callers: tuple[ServiceAccount, ...] = ()


class Policy(_Part):
    """All domains.

    Attributes:
        domains: by name.
        platform_users: who may act for every domain: the Runner, operators of the platform.
        open: whether each domain that is not listed has the namespace of its name: for laptops,
            where nobody keeps a list.
    """

    domains: dict[str, Domain] = Field(min_length=1)
    platform_users: frozenset[str] = frozenset()
    open: bool = False

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
        """Refuse two domains in one namespace, and what is named twice.

        Raises:
            InvalidInput: names both.
        """
        seen: dict[str, str] = {}
        for name, each in self.domains.items():
            both = each.clusters & each.fallback
            if both:
                raise InvalidInput(
                    f"{source}: domain {name} has {', '.join(sorted(both))} in clusters and in "
                    "fallback",
                    hint="a fallback is asked where the clusters cannot: name it in one of them",
                )
            other = seen.setdefault(each.namespace, name)
            if other != name:
                raise InvalidInput(
                    f"{source}: domains {other} and {name} share the namespace {each.namespace}",
                    hint="a namespace is what keeps domains apart: give each its own",
                )

        whose: dict[tuple[str, str, str], str] = {}
        for account, caller in self.callers():
            key = (account.cluster, account.namespace, account.service_account)
            if key in whose:
                raise InvalidInput(
                    f"{source}: the caller {'/'.join(key)} is named twice, by domains "
                    f"{whose[key]} and {caller.domain}",
                    hint="nothing but the account tells for whom it acts: give each its own",
                )
            whose[key] = caller.domain

    def callers(self) -> Iterator[tuple[ServiceAccount, Caller]]:
        """The service accounts that are trusted, and who they are."""
        for name, domain in self.domains.items():
            for each in domain.callers:
                own = f"system:serviceaccount:{each.namespace}:{each.service_account}"
                yield each, Caller(each.user or f"{own}@{each.cluster}", name)

    @cached_property
    def _by_namespace(self) -> dict[str, str]:
        return {each.namespace: name for name, each in self.domains.items()}

    def domain(self, name: str) -> Domain:
        """A domain.

        Raises:
            Forbidden: there is none of that name.
        """
        found = self.domains.get(name)
        if found is not None:
            return found
        if self._is_free(name):
            return Domain(namespace=name)
        raise Forbidden(f'there is no domain "{name}"', hint="the gateway's policy lists them")

    def _is_free(self, name: str) -> bool:
        """Whether a name may be that of a domain, and its namespace, which is not listed."""
        taken = name in self._by_namespace or name in self.domains
        ours = name == "default" or name.startswith("kube-")
        return self.open and not taken and not ours and re.fullmatch(_NAME, name) is not None

    def authorized(self, caller: Caller, namespace: str) -> tuple[str, Domain]:
        """The domain of a namespace, if the caller may act there.

        Raises:
            Forbidden: it may not, or there is no such domain; which of both is not said.
        """
        name = self._by_namespace.get(namespace, "")
        if not name and self._is_free(namespace):
            name = namespace
        allowed = caller.user in self.platform_users or (name and caller.domain == name)
        if not name or not allowed:
            raise Forbidden(
                f'user "{caller.user}" of domain "{caller.domain}" may not use namespace '
                f'"{namespace}"',
                hint="a domain's applications are in its own namespace",
            )
        return name, self.domain(name)

    def everywhere(self, caller: Caller, what: str) -> None:
        """Let those pass who may act for every domain.

        Args:
            what: they want to do.

        Raises:
            Forbidden: the caller may not.
        """
        if caller.user not in self.platform_users:
            raise Forbidden(
                f'user "{caller.user}" of domain "{caller.domain}" may not {what}',
                hint="only the platform's own users may; others name their namespace",
            )
