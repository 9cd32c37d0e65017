"""Which cluster an application goes to, and why. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["Cluster", "Route", "Wanted", "route"]


@dataclass(frozen=True)
class Cluster:
    """A cluster, as far as routing looks at it.

    Attributes:
        name: of the cluster.
        region: where it is; empty where that does not matter.
        engines: whose images it can run: ``4.1``; all where there is none.
        weight: its share of what could go to several; none goes to one of weight 0 by itself.
        healthy: whether its API answers.
        named_only: whether it is for those domains alone whose policy names it.
        against: what keeps this application from it, whatever its health; empty where nothing does.
    """

    name: str
    region: str = ""
    engines: frozenset[str] = frozenset()
    weight: float = 1.0
    healthy: bool = True
    named_only: bool = False
    against: str = ""


@dataclass(frozen=True)
class Wanted:
    """What an application needs of a cluster.

    Attributes:
        key: of the application; the same one has the same choice among the same clusters.
        engine: which Spark; empty where it is not known.
        region: where its data lies; empty for anywhere.
        allowed: the clusters that its domain may use; all where there is none.
        fallback: those that it may use where none of the others can take the application.
        named: the one that it asks for; empty for any.
    """

    key: str
    engine: str = ""
    region: str = ""
    allowed: frozenset[str] = frozenset()
    named: str = ""
    fallback: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Route:
    """A choice.

    Attributes:
        cluster: its name.
        why: what decided.
        passed_over: every other cluster, and what spoke against it.
    """

    cluster: str
    why: str
    passed_over: dict[str, str]

    @property
    def explanation(self) -> str:
        """All of it, in one line."""
        others = "; ".join(f"{name}: {why}" for name, why in self.passed_over.items())
        return f"{self.why}{f' ({others})' if others else ''}"


def route(wanted: Wanted, clusters: Iterable[Cluster]) -> Route:
    """The cluster for an application.

    Capability, health and region decide who may have it; among those the weight, by a hash of the
    application's key (rendezvous hashing: a cluster that comes or goes moves only its own share).
    The domain's fallback is asked where none of its other clusters can take it, and only there:
    also what asks for one of the fallback by name gets it only then.

    Raises:
        InvalidInput: no cluster could ever take it.
        Transient: those that could are not healthy.
    """
    known = sorted(clusters, key=lambda cluster: cluster.name)
    spare = [each for each in known if each.name in wanted.fallback]
    named_spare = wanted.named in {each.name for each in spare}
    first = _choice(
        replace(wanted, named="") if named_spare else wanted,
        [each for each in known if each not in spare],
    )
    if first.chosen is not None:
        if named_spare:
            raise InvalidInput(
                f"{wanted.named} is the domain's fallback, and {first.chosen.name} can take it",
                hint="leave out which cluster it is to be",
            )
        unasked = {each.name: "it is the domain's fallback" for each in spare}
        return Route(first.chosen.name, first.why, {**first.passed_over, **unasked})
    second = _choice(wanted, spare)
    passed_over = {**first.passed_over, **second.passed_over}
    if second.chosen is not None:
        why = f"{second.why}, of the fallback: none of the domain's other clusters can take it"
        return Route(second.chosen.name, why, passed_over)
    away = [*first.away, *second.away]
    if away:
        raise Transient(f"no healthy cluster can take it: {', '.join(away)} do not answer")
    told = "; ".join(f"{name}: {why}" for name, why in passed_over.items())
    raise InvalidInput(
        f"no cluster can take it: {told or 'there is none'}",
        hint="ask for another engine, region or cluster",
    )


@dataclass(frozen=True)
class _Choice:
    """Which of some clusters it is, if any; ``away`` could take it and do not answer."""

    chosen: Cluster | None
    why: str
    passed_over: dict[str, str]
    away: list[str]


def _choice(wanted: Wanted, clusters: Sequence[Cluster]) -> _Choice:
    passed_over = {each.name: why for each in clusters if (why := _against(wanted, each))}
    able = [each for each in clusters if each.name not in passed_over]
    healthy = [each for each in able if each.healthy]
    away = [each.name for each in able if not each.healthy]
    passed_over |= dict.fromkeys(away, "it does not answer")
    if not healthy:
        return _Choice(None, "", passed_over, away)
    chosen = max(healthy, key=lambda cluster: (_score(wanted.key, cluster), cluster.name))
    others = [each.name for each in healthy if each is not chosen]
    passed_over |= dict.fromkeys(others, "by its weight and the application's name")
    why = "by weight" if others else "it is the only one that can"
    return _Choice(chosen, f"{chosen.name}: {why}", passed_over, away)


def _against(wanted: Wanted, cluster: Cluster) -> str:
    """What speaks against a cluster for good; empty where nothing does."""
    if wanted.named and cluster.name != wanted.named:
        return f"the application asks for {wanted.named}"
    named = cluster.name in wanted.allowed | wanted.fallback
    if wanted.allowed and not named:
        return "the domain may not use it"
    if cluster.named_only and not named:
        return "it is for domains whose policy names it"
    if wanted.engine and cluster.engines and wanted.engine not in cluster.engines:
        return f"it has no engine {wanted.engine}"
    if wanted.region and cluster.region and cluster.region != wanted.region:
        return f"it is in {cluster.region}, the data in {wanted.region}"
    if cluster.weight <= 0 and not wanted.named:
        return "its weight is 0"
    return cluster.against


def _score(key: str, cluster: Cluster) -> float:
    digest = hashlib.sha256(f"{key}\0{cluster.name}".encode()).digest()
    # in (0, 1): two hashes of 53 bits are never 0 or 1
    share = (int.from_bytes(digest[:8], "big") >> 11) / 2**53 or 2**-53
    # the weighted form of rendezvous hashing; a larger weight makes a larger score likelier
    return float(share ** (1 / max(cluster.weight, 1e-9)))
