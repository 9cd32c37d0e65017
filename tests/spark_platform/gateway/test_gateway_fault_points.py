"""A Gateway that is killed at each step between a request and its answer."""

import contextlib

import pytest
from fault_points import Killed, at_every_point
from gateways import POLICY, application, behind

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.applications import Applications
from spark_platform.gateway.archive import Archive
from spark_platform.gateway.audit import Audit
from spark_platform.gateway.clusters import Clusters
from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.placements import Placements
from spark_platform.identity import Caller
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.kubernetes.errors import AlreadyExists

ANA = Caller("ana", "travel")


@pytest.fixture
def gateways(kubeconfigs, tmp_path):
    """Makes Gateways over the same clusters and database, as they come one after the other."""
    database = sqlite_url(tmp_path / "gateway.sqlite")
    with contextlib.ExitStack() as open_:
        stores = [
            open_.enter_context(contextlib.closing(each(database)))
            for each in (Placements, Archive, Audit)
        ]
        members = {}
        for name, file in kubeconfigs.items():
            members[name] = behind(name, open_.enter_context(contextlib.closing(connect(file))))

        def made(fault=None):
            if fault is None:
                return Applications(Clusters(members), POLICY, *stores)
            mortal = {name: fault.mortal(each, "member") for name, each in members.items()}
            placements, archive, audit = stores
            return Applications(
                *(Clusters(mortal), POLICY, fault.mortal(placements, "placements")),
                *(fault.mortal(archive, "archive"), audit),
            )

        made.members, made.audit = members, stores[2]
        yield made


def where(gateways, name):
    """The clusters that have an application."""
    found = []
    for cluster, member in gateways.members.items():
        with contextlib.suppress(NotFound):
            member.get("travel", name)
            found.append(cluster)
    return found


def removed(gateways, name):
    for member in gateways.members.values():
        with contextlib.suppress(NotFound):
            member.kubernetes.delete(APPLICATIONS, "travel", name)


def test_what_is_asked_for_again_is_made_once(gateways):
    def scenario(fault):
        name = f"made-{fault.number}"
        try:
            gateways(fault).create(ANA, "travel", application(name))
        except Killed:
            with contextlib.suppress(AlreadyExists):
                gateways().create(ANA, "travel", application(name))
        (cluster,) = where(gateways, name)
        told = gateways().get(ANA, "travel", name)
        assert told["metadata"]["annotations"]["spark-platform/cluster"] == cluster, fault.where
        with pytest.raises(AlreadyExists):
            gateways().create(ANA, "travel", application(name))
        asked = [each for each in gateways.audit.entries(limit=1000) if each.name == name]
        assert asked, fault.where
        removed(gateways, name)

    points = at_every_point(scenario)
    assert {"before member.create", "after member.create"} <= set(points)
    assert {"after placements.place", "before placements.made"} <= set(points)


def test_what_is_deleted_again_is_gone_and_its_name_is_free(gateways):
    def scenario(fault):
        name = f"gone-{fault.number}"
        gateways().create(ANA, "travel", application(name))
        try:
            gateways(fault).delete(ANA, "travel", name, Deletion())
        except Killed:
            with contextlib.suppress(NotFound):
                gateways().delete(ANA, "travel", name, Deletion())
        assert where(gateways, name) == [], fault.where
        with pytest.raises(NotFound):
            gateways().get(ANA, "travel", name)
        gateways().create(ANA, "travel", application(name))
        assert len(where(gateways, name)) == 1
        removed(gateways, name)

    points = at_every_point(scenario)
    assert {"before member.delete", "after member.delete", "after placements.over"} <= set(points)
