"""Routing, policy, admission and versions, without any effect."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.backends.sk8.status import CLUSTER
from spark_platform.gateway.admission import USER, admitted
from spark_platform.gateway.deletions import Deletion, deletion
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.queries import selected_name
from spark_platform.gateway.routing import Cluster, Wanted, route
from spark_platform.gateway.tables import is_asked_for, table
from spark_platform.gateway.versions import Versions
from spark_platform.identity import Caller
from spark_platform.kernel.errors import Forbidden, InvalidInput, Transient
from spark_platform.kernel.kubernetes.errors import Expired
from spark_platform.model import DOMAIN

EAST = Cluster("east", "eu-east", frozenset({"4.1", "4.0"}))
WEST = Cluster("west", "eu-west", frozenset({"4.1"}))
ANY = Cluster("any")
ANA = Caller("ana", "travel")
TRAVEL = Domain(namespace="travel", service_accounts=("spark", "etl"))
POLICY = Policy(
    domains={"travel": TRAVEL, "bank": Domain(namespace="bank")},
    platform_users=frozenset({"runner"}),
)

ACCOUNT = "{cluster: east, namespace: airflow, serviceAccount: trigger}"


class TestRouting:
    @pytest.mark.parametrize(
        ("wanted", "cluster", "words"),
        [
            ({"engine": "4.0"}, "east", "it has no engine 4.0"),
            ({"region": "eu-west"}, "west", "it is in eu-east, the data in eu-west"),
            ({"allowed": frozenset({"west"})}, "west", "the domain may not use it"),
            ({"named": "east"}, "east", "the application asks for east"),
        ],
    )
    def test_what_decides_is_said(self, wanted, cluster, words):
        found = route(Wanted("a", **wanted), [EAST, WEST])
        assert found.cluster == cluster
        assert words in found.explanation
        assert "the only one that can" in found.why

    def test_nobody_could_ever(self):
        with pytest.raises(InvalidInput, match=r"east: it has no engine 3\.5; west: it has no"):
            route(Wanted("a", engine="3.5"), [EAST, WEST])
        with pytest.raises(InvalidInput, match="there is none"):
            route(Wanted("a"), [])

    def test_nobody_now(self):
        down = [replace(EAST, healthy=False), WEST]
        with pytest.raises(Transient, match="east do not answer"):
            route(Wanted("a", engine="4.0"), down)
        found = route(Wanted("a"), down)
        assert (found.cluster, found.passed_over) == ("west", {"east": "it does not answer"})

    def test_a_weight_of_0_takes_what_asks_for_it(self):
        idle = replace(EAST, weight=0)
        assert {route(Wanted(str(n)), [idle, WEST]).cluster for n in range(50)} == {"west"}
        assert route(Wanted("a", named="east"), [idle, WEST]).cluster == "east"

    def test_weights_are_shares(self):
        heavy = [replace(EAST, weight=3), WEST]
        found = [route(Wanted(str(n)), heavy).cluster for n in range(2000)]
        assert 0.70 < found.count("east") / 2000 < 0.80

    @given(st.text(min_size=1), st.permutations([EAST, WEST, ANY]))
    def test_the_same_application_goes_to_the_same_place(self, key, clusters):
        found = route(Wanted(key), clusters).cluster
        assert found == route(Wanted(key), [EAST, WEST, ANY]).cluster
        # one that comes takes a share and moves nobody else
        more = route(Wanted(key), [*clusters, Cluster("new")]).cluster
        assert more in (found, "new")


class TestFallback:
    EMR = Cluster("emr", named_only=True)

    def route(self, *clusters, **wanted):
        return route(Wanted("a", fallback=frozenset({"emr"}), **wanted), clusters)

    def test_it_is_asked_where_no_other_can(self):
        down = replace(EAST, healthy=False)
        assert self.route(EAST, self.EMR).explanation == (
            "east: it is the only one that can (emr: it is the domain's fallback)"
        )
        assert self.route(down, self.EMR).explanation == (
            "emr: it is the only one that can, of the fallback: none of the domain's other "
            "clusters can take it (east: it does not answer)"
        )
        assert self.route(EAST, self.EMR, engine="3.5").cluster == "emr"
        assert self.route(EAST, self.EMR, region="us").cluster == "emr"
        assert self.route(EAST, self.EMR, allowed=frozenset({"west"})).cluster == "emr"

    def test_who_asks_for_it_gets_it_only_then(self):
        with pytest.raises(InvalidInput, match="emr is the domain's fallback, and east can take"):
            self.route(EAST, self.EMR, named="emr")
        down = replace(EAST, healthy=False)
        assert self.route(down, self.EMR, named="emr").cluster == "emr"
        with pytest.raises(Transient, match="east do not answer"):
            self.route(down, self.EMR, named="east")

    def test_nobody_else_has_it(self):
        down = replace(EAST, healthy=False)
        with pytest.raises(Transient, match="east do not answer"):
            route(Wanted("a"), [down, self.EMR])
        with pytest.raises(InvalidInput, match="emr: it is for domains whose policy names it"):
            route(Wanted("a"), [self.EMR])
        assert route(Wanted("a", allowed=frozenset({"emr"})), [down, self.EMR]).cluster == "emr"

    def test_it_may_not_be_able_either(self):
        down, unable = replace(EAST, healthy=False), replace(self.EMR, against="spec.x is not")
        with pytest.raises(Transient, match="east do not answer"):
            self.route(down, unable)
        with pytest.raises(InvalidInput, match=r"east: it has no engine 3\.5; emr: spec\.x is not"):
            self.route(down, unable, engine="3.5")
        with pytest.raises(Transient, match="east, emr do not answer"):
            self.route(down, replace(self.EMR, healthy=False))


class TestPolicy:
    def test_who_may_act_where(self):
        assert POLICY.authorized(ANA, "travel") == ("travel", TRAVEL)
        assert POLICY.authorized(Caller("runner", "platform"), "bank")[0] == "bank"
        for namespace in ("bank", "none", "default"):
            with pytest.raises(Forbidden, match=f'may not use namespace "{namespace}"'):
                POLICY.authorized(ANA, namespace)
        POLICY.everywhere(Caller("runner", "platform"), "list all namespaces")
        with pytest.raises(Forbidden, match="all namespaces"):
            POLICY.everywhere(ANA, "list all namespaces")

    def test_a_file(self, tmp_path):
        file = tmp_path / "policy.yaml"
        file.write_text(
            "domains:\n  travel: {namespace: travel, clusters: [east]}\nplatformUsers: [runner]\n"
        )
        found = Policy.from_file(file)
        assert found.domains["travel"].clusters == {"east"}
        assert found.platform_users == {"runner"}

    def test_callers(self):
        account = {"cluster": "east", "namespace": "airflow", "serviceAccount": "trigger"}
        callers = [account, {**account, "cluster": "west", "user": "airflow"}]
        policy = Policy.model_validate({"domains": {"a": {"namespace": "x", "callers": callers}}})
        assert [(each.cluster, caller) for each, caller in policy.callers()] == [
            ("east", Caller("system:serviceaccount:airflow:trigger@east", "a")),
            ("west", Caller("airflow", "a")),
        ]

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("", "file: Input should be a valid dictionary"),
            ("domains: {}", "domains: Dictionary should have at least 1 item"),
            ("domains: {a: {}}", r"domains\.a\.namespace: Field required"),
            ("domains: {a: {namespace: A}}", r"domains\.a\.namespace: String should match"),
            ("domains: {a: {namespace: a, x: 1}}", r"domains\.a\.x: Extra inputs"),
            ("domains: {a: {namespace: n}, b: {namespace: n}}", "a and b share the namespace n"),
            (
                f"domains: {{a: {{namespace: a, callers: [{ACCOUNT}, {ACCOUNT}]}}}}",
                "caller east/airflow/trigger is named twice, by domains a and a",
            ),
            (
                f"domains: {{a: {{namespace: a, callers: [{ACCOUNT}]}}, "
                f"b: {{namespace: b, callers: [{ACCOUNT}]}}}}",
                "by domains a and b",
            ),
            (
                "domains: {a: {namespace: a, callers: [{cluster: e, namespace: n}]}}",
                r"callers\.0\.serviceAccount: Field required",
            ),
            (
                "domains: {a: {namespace: a, callers: [{cluster: e, namespace: 'a:b', "
                "serviceAccount: c}]}}",
                r"callers\.0\.namespace: String should match",
            ),
            (
                "domains: {a: {namespace: a, clusters: [x, y], fallback: [y]}}",
                "domain a has y in clusters and in fallback",
            ),
            ("a: [", "is no YAML"),
        ],
    )
    def test_files_that_cannot_be(self, tmp_path, text, match):
        file = tmp_path / "policy.yaml"
        file.write_text(text)
        with pytest.raises(InvalidInput, match=match):
            Policy.from_file(file)
        with pytest.raises(InvalidInput, match="cannot read"):
            Policy.from_file(tmp_path / "none")


def application(**given):
    metadata = {"name": "app", **given.pop("metadata", {})}
    return {
        "apiVersion": "spark.apache.org/v1", "kind": "SparkApplication", "metadata": metadata,
        "spec": {"sparkConf": {}}, **given,
    }  # fmt: skip


class TestAdmission:
    def admit(self, value):
        return admitted(value, ANA, "travel", TRAVEL, "travel")

    def test_it_is_stamped_with_whose_it_is(self):
        sent = application(
            metadata={"annotations": {USER: "eve", CLUSTER: "x", "own": "kept"},
                      "labels": {"own": "kept"}, "finalizers": ["stuck"]},
            status={"currentState": {}},
        )  # fmt: skip
        made = self.admit(sent)
        assert made["metadata"] == {
            "name": "app",
            "namespace": "travel",
            "labels": {"own": "kept", DOMAIN: "travel"},
            "annotations": {"own": "kept", USER: "ana"},
        }
        assert "status" not in made
        assert sent["metadata"]["finalizers"] == ["stuck"], "what was sent is left as it is"

    @pytest.mark.parametrize(
        ("value", "error", "match"),
        [
            (None, InvalidInput, "no object with metadata"),
            ({"metadata": {}}, InvalidInput, "the body is a None None"),
            (application(kind="Pod"), InvalidInput, "the body is a spark.apache.org/v1 Pod"),
            (application(spec=None), InvalidInput, "spec is missing"),
            (application(metadata={"namespace": "bank"}), InvalidInput, 'is "bank"'),
            (application(metadata={"labels": {DOMAIN: "bank"}}), Forbidden, "the domain is travel"),
            (application(metadata={"labels": {"a": 1}}), InvalidInput, "no mapping of texts"),
            (application(spec={"sparkConf": {"spark.kubernetes.namespace": "bank"}}), Forbidden,
             r"sparkConf\[spark.kubernetes.namespace\] is \"bank\""),
            (application(spec={"sparkConf": {
                "spark.kubernetes.authenticate.driver.serviceAccountName": "admin"}}), Forbidden,
             "is \"admin\", which domain travel may not have"),
            (application(spec={"driverSpec": {"podTemplateSpec": {
                "spec": {"serviceAccountName": "admin"}}}}), Forbidden,
             "driverSpec.podTemplateSpec.spec.serviceAccountName"),
            (application(spec={"executorSpec": {"podTemplateSpec": {
                "metadata": {"namespace": "bank"}}}}), Forbidden,
             "executorSpec.podTemplateSpec.metadata.namespace"),
            (application(spec={"executorSpec": {"podTemplateSpec": {
                "metadata": {"labels": {DOMAIN: "bank"}}}}}), Forbidden,
             r"executorSpec\.podTemplateSpec\.metadata\.labels\[spark-platform/domain\]"),
            (application(spec={"sparkConf": {
                "spark.kubernetes.driver.podTemplateFile": "/etc/pod.yaml"}}), Forbidden,
             r"sparkConf\[spark\.kubernetes\.driver\.podTemplateFile\]"),
            (application(spec={"sparkConf": {
                "spark.kubernetes.executor.podTemplateFile": "s3a://b/pod.yaml"}}), Forbidden,
             r"sparkConf\[spark\.kubernetes\.executor\.podTemplateFile\]"),
            (application(spec={"sparkConf": {
                f"spark.kubernetes.driver.label.{DOMAIN}": "bank"}}), Forbidden,
             r"sparkConf\[spark\.kubernetes\.driver\.label\.spark-platform/domain\] is"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, value, error, match):
        with pytest.raises(error, match=match):
            self.admit(value)

    def test_what_the_domain_may_have(self):
        conf = {"spark.kubernetes.authenticate.driver.serviceAccountName": "etl"}
        assert self.admit(application(spec={"sparkConf": conf}))["spec"]["sparkConf"] == conf


class TestSelectors:
    @pytest.mark.parametrize(
        ("selector", "name"),
        [("", ""), ("metadata.name=app", "app"), ("metadata.name==app", "app")],
    )
    def test_a_name(self, selector, name):
        assert selected_name(selector) == name

    @pytest.mark.parametrize(
        "selector",
        ["metadata.name", "metadata.name=", "metadata.name!=a", "status.phase=a",
         "metadata.name=a,metadata.namespace=b", "metadata.name===a"],
    )  # fmt: skip
    def test_nothing_else(self, selector):
        with pytest.raises(InvalidInput, match="the field selector"):
            selected_name(selector)


class TestDeletions:
    @pytest.mark.parametrize(
        ("options", "wanted"),
        [
            ({}, Deletion()),
            ({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": []}, Deletion()),
            ({"gracePeriodSeconds": 0, "propagationPolicy": "Orphan"},
             Deletion(grace_s=0, propagation="Orphan")),
            ({"gracePeriodSeconds": "5"}, Deletion(grace_s=5)),
            ({"preconditions": {"uid": "u"}, "orphanDependents": False}, Deletion(uid="u")),
        ],
    )  # fmt: skip
    def test_what_is_honoured(self, options, wanted):
        assert deletion(options) == wanted

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ([1], "no DeleteOptions"),
            ({"dryRun": ["All"]}, "dryRun of a deletion is not supported"),
            ({"dryRun": "All"}, "dryRun of a deletion is not supported"),
            ({"preconditions": {"resourceVersion": "5"}}, r"preconditions\.resourceVersion"),
            ({"preconditions": "u"}, "preconditions is no mapping"),
            ({"propagationPolicy": "Sideways"}, "propagationPolicy is 'Sideways'"),
            ({"propagationPolicy": {"a": 1}}, "propagationPolicy is"),
            ({"orphanDependents": True}, "orphanDependents is not supported"),
            ({"gracePeriodSeconds": "soon"}, "gracePeriodSeconds is 'soon'"),
            ({"gracePeriodSeconds": -1}, "gracePeriodSeconds is -1"),
        ],
    )
    def test_what_is_not_is_refused(self, options, match):
        with pytest.raises(InvalidInput, match=match):
            deletion(options)


class TestVersions:
    @given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
    def test_a_lists_holds_all_and_is_larger_than_any_objects(self, east, west):
        versions = Versions(["west", "east"])
        whole = versions.of_list({"east": str(east), "west": str(west)})
        assert versions.read(whole) == {"east": str(east), "west": str(west)}
        for name, each in (("east", east), ("west", west)):
            assert int(versions.of_object(name, str(each))) < int(whole)
            newer, older = (int(versions.of_object(name, str(n))) for n in (each + 1, each))
            assert newer > older
        assert versions.of_object("east", str(east)) != versions.of_object("west", str(east))

    @pytest.mark.parametrize("version", ["", "1", "x", "-1", "9" * 60, "9" * 20_000])
    def test_others_are_too_old(self, version):
        with pytest.raises(Expired):
            Versions(["east"]).read(version)

    def test_so_are_those_of_other_clusters(self):
        before = Versions(["east"]).of_list({"east": "5"})
        with pytest.raises(Expired):
            Versions(["west"]).read(before)


def test_tables():
    assert is_asked_for("application/json;as=Table;v=v1;g=meta.k8s.io, application/json")
    assert not is_asked_for("application/json")
    metadata = {"name": "app", "creationTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {CLUSTER: "east"}}  # fmt: skip
    status = {"currentState": {"currentStateSummary": "RunningHealthy"}}
    (row,) = table([{"metadata": metadata, "status": status}], "7")["rows"]
    assert row["cells"][:3] == ["app", "RunningHealthy", "east"]
    assert row["cells"][3].endswith("d")
