"""Service accounts of the clusters as callers, with tokens that the clusters have issued."""

import contextlib
import json
import threading
import time as clock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from gateways import Gateway, application
from runs import Known

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.callers import Answers, Callers, ServiceAccounts
from spark_platform.gateway.policy import Policy
from spark_platform.identity import Caller
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Forbidden, InvalidInput, Transient, Unauthenticated
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Resource
from spark_testkit.ports import free_ports

AUDIENCE = "spark-platform"
NAME = "system:serviceaccount:airflow:trigger"
ANA = Caller("ana", "travel")


def policy(*clusters, **more):
    account = {"namespace": "airflow", "serviceAccount": "trigger", **more}
    callers = [{**account, "cluster": each} for each in clusters]
    return Policy.model_validate({
        "domains": {"travel": {"namespace": "travel", "callers": callers},
                    "bank": {"namespace": "bank"}}
    })  # fmt: skip


class Asked:
    """A cluster that counts what it is asked, and may answer otherwise."""

    def __init__(self, kubernetes, answer=None):
        self._kubernetes, self._answer, self.times = kubernetes, answer, 0

    def create(self, *arguments, **options):
        self.times += 1
        made = self._kubernetes.create(*arguments, **options)
        return self._answer(made) if self._answer else made


@pytest.fixture
def clusters(kubeconfigs):
    """The clusters, each with a namespace ``airflow`` and its accounts, as Airflow's would be."""
    with contextlib.ExitStack() as opened:
        found = {}
        for name, file in kubeconfigs.items():
            kubernetes = opened.enter_context(contextlib.closing(connect(file)))
            with contextlib.suppress(AlreadyExists):
                kubernetes.create(
                    Resource("v1", "namespaces"), "", {"metadata": {"name": "airflow"}}
                )
            for account in ("trigger", "other"):
                value = {"metadata": {"name": account}}
                with contextlib.suppress(AlreadyExists):
                    kubernetes.create(Resource("v1", "serviceaccounts"), "airflow", value)
            found[name] = kubernetes
        yield found


def token(kubernetes, account="trigger", audience=AUDIENCE):
    requests = Resource("v1", f"serviceaccounts/{account}/token")
    asked = {"spec": {"audiences": [audience], "expirationSeconds": 600}}
    return kubernetes.create(requests, "airflow", asked)["status"]["token"]


def accounts(clusters, *trusted, audience=AUDIENCE, now=clock.time, **more):
    return ServiceAccounts(clusters, policy(*trusted, **more), audience, now=now)


@pytest.fixture
def away():
    """A cluster that is not there."""
    (port,) = free_ports(1)
    from kubernetes import client

    from spark_platform.kernel.kubernetes.client import Kubernetes

    configuration = client.Configuration(host=f"http://127.0.0.1:{port}")
    configuration.retries = False
    with contextlib.closing(Kubernetes(client.ApiClient(configuration))) as kubernetes:
        yield kubernetes


class TestAccounts:
    def test_policy_says_who_they_are(self, clusters):
        found = accounts(clusters, "east").verify(token(clusters["east"]))
        assert found == Caller(f"{NAME}@east", "travel")
        found = accounts(clusters, "east", user="airflow").verify(token(clusters["east"]))
        assert found == Caller("airflow", "travel")

    def test_nobody_else_is_one_of_them(self, clusters):
        east = Asked(clusters["east"])
        verifier = accounts({**clusters, "east": east}, "east")
        for wrong, asked in (
            (token(clusters["west"]), 1),
            (token(clusters["east"], audience="other"), 1),
            (token(clusters["east"], account="other"), 0),
            (forged(token(clusters["east"])), 1),
            ("nonsense", 0),
            ("", 0),
            (f"{'x' * 20_000}.y.z", 0),
        ):
            east.times = 0
            with pytest.raises(Unauthenticated, match="no service account that is trusted") as told:
                verifier.verify(wrong)
            assert east.times == asked, "only of an account that is trusted"
            assert not wrong or wrong not in str(told.value)

    def test_accounts_of_the_same_name_are_told_apart(self, clusters):
        verifier = accounts(clusters, "east", "west")
        for name, kubernetes in clusters.items():
            assert verifier.verify(token(kubernetes)).user == f"{NAME}@{name}"

    def test_a_server_that_knows_no_audiences_is_not_believed(self, clusters):
        def unaware(answer):
            return {**answer, "status": {**answer["status"], "audiences": []}}

        east = Asked(clusters["east"], unaware)
        with pytest.raises(Unauthenticated):
            accounts({"east": east}, "east").verify(token(clusters["east"]))

    def test_a_server_that_means_somebody_else_is_not_believed(self, clusters):
        def other(answer):
            user = {"username": "system:serviceaccount:airflow:other"}
            return {**answer, "status": {**answer["status"], "user": user}}

        east = Asked(clusters["east"], other)
        with pytest.raises(Unauthenticated):
            accounts({"east": east}, "east").verify(token(clusters["east"]))

    def test_a_cluster_that_is_not_there(self, clusters):
        with pytest.raises(InvalidInput, match="a caller of cluster north, which is not behind"):
            accounts(clusters, "east", "north")


class TestFailures:
    def test_a_cluster_that_is_away_tells_nothing(self, clusters, away):
        verifier = accounts({**clusters, "east": away}, "east", "west")
        with pytest.raises(Transient, match="cannot be told now by east"):
            verifier.verify(token(clusters["east"]))
        assert verifier.verify(token(clusters["west"])).user == f"{NAME}@west"

    def test_a_cluster_that_does_not_let_the_gateway_ask_tells_nothing(self, clusters):
        def forbidden(_):
            raise Forbidden("tokenreviews is forbidden")

        east = Asked(clusters["east"], forbidden)
        with pytest.raises(Transient, match="cannot be told now by east"):
            accounts({"east": east}, "east").verify(token(clusters["east"]))

    def test_only_so_many_wait_for_a_cluster(self, clusters):
        held, entered = threading.Event(), threading.Semaphore(0)

        def hang(answer):
            entered.release()
            held.wait(30)
            return answer

        verifier = accounts({"east": Asked(clusters["east"], hang)}, "east")
        own = token(clusters["east"])
        waiting = [threading.Thread(target=verifier.verify, args=(own,)) for _ in range(16)]
        for each in waiting:
            each.start()
        for _ in waiting:
            assert entered.acquire(timeout=30)
        with pytest.raises(Transient):
            verifier.verify(own)
        held.set()
        for each in waiting:
            each.join()
        assert verifier.verify(own).user == f"{NAME}@east"


class TestAnswers:
    def test_a_good_one_is_kept_for_a_minute(self, clusters):
        east, at = Asked(clusters["east"]), [1000.0]
        verifier = accounts({"east": east}, "east", now=lambda: at[0])
        own = token(clusters["east"])
        for later_s, times in ((0, 1), (59.9, 1), (60, 2), (30, 3)):
            at[0] = 1000 + later_s
            assert verifier.verify(own).user == f"{NAME}@east"
            assert east.times == times, later_s

    def test_what_ends_on_its_cluster_ends_here(self, clusters):
        at = [clock.time()]
        verifier = accounts(clusters, "east", now=lambda: at[0])
        own = token(clusters["east"])
        verifier.verify(own)
        clusters["east"].delete(Resource("v1", "serviceaccounts"), "airflow", "trigger")
        at[0] += 60
        with pytest.raises(Unauthenticated):
            verifier.verify(own)

    def test_a_bad_one_is_never_kept(self, clusters):
        east = Asked(clusters["east"])
        verifier = accounts({"east": east}, "east")
        wrong = token(clusters["west"])
        for times in (1, 2):
            with pytest.raises(Unauthenticated):
                verifier.verify(wrong)
            assert east.times == times

    def test_none_is_kept_beyond_its_own_end(self):
        at = [100.0]
        answers = Answers(lambda: at[0])
        answers.keep("t", ANA, 110)
        at[0] = 109.9
        assert answers.find("t") == ANA
        at[0] = 110
        assert answers.find("t") is None

    def test_a_clock_that_is_set_back_keeps_none(self):
        at = [100.0]
        answers = Answers(lambda: at[0])
        answers.keep("t", ANA, None)
        at[0] = 99
        assert answers.find("t") is None

    def test_only_so_many_are_kept(self):
        answers = Answers(lambda: 0.0, most=3)
        for each in "abca":
            answers.keep(each, ANA, None)
        answers.keep("d", ANA, None)
        assert [each for each in "abcd" if answers.find(each)] == ["a", "c", "d"]


class TestChoice:
    def test_the_issuer_that_a_token_names_is_asked(self):
        class Of:
            def __init__(self, name):
                self.name = name

            def verify(self, _):
                return Caller(self.name, "d")

        callers = Callers("https://users", Of("user"), Of("account"))
        for issuer, subject, who in (
            ("https://users", "ana", "user"),
            ("https://users", NAME, "user"),
            ("https://cluster", NAME, "account"),
            ("https://cluster", "ana", "user"),
        ):
            made = jwt.encode({"iss": issuer, "sub": subject}, "k" * 32, "HS256")
            assert callers.verify(made) == Caller(who, "d")
        for text in ("", "ana@travel", "a.b.c"):
            assert callers.verify(text).user == "user"


class TestDoor:
    @pytest.fixture
    def door(self, clusters, kubeconfigs, tmp_path):
        trusted = policy("east")
        verifier = Callers("users", Known(), ServiceAccounts(clusters, trusted, AUDIENCE))
        gateway = Gateway(
            kubeconfigs, tmp_path, sqlite_url(tmp_path / "g.sqlite"), policy=trusted,
            verifier=verifier,
        )  # fmt: skip
        yield gateway
        gateway.close()

    def test_an_account_submits_as_whom_it_is(self, door, clusters):
        with door.client(token(clusters["east"])) as client:
            made = client.create(APPLICATIONS, "travel", application("by-airflow"))
            annotations = made["metadata"]["annotations"]
            assert annotations["spark-platform/submitted-by"] == f"{NAME}@east"
            with pytest.raises(Forbidden):
                client.list(APPLICATIONS, "bank")
            client.delete(APPLICATIONS, "travel", "by-airflow")
        assert {(each.user, each.domain) for each in door.audit.entries()} == {
            (f"{NAME}@east", "travel")
        }
        with door.client(token(clusters["west"])) as client, pytest.raises(Unauthenticated):
            client.list(APPLICATIONS, "travel")
        with door.client("ana@travel") as client:
            assert client.list(APPLICATIONS, "travel")[0] == [], "users are known as before"

    def test_nobody_is_let_in_where_nobody_can_tell(self, kubeconfigs, clusters, away, tmp_path):
        trusted = policy("east")
        verifier = ServiceAccounts({**clusters, "east": away}, trusted, AUDIENCE)
        url = sqlite_url(tmp_path / "g.sqlite")
        gateway = Gateway(kubeconfigs, tmp_path, url, policy=trusted, verifier=verifier)
        try:
            header = {"Authorization": f"Bearer {token(clusters['east'])}"}
            path = APPLICATIONS.path("travel")
            answer = gateway.ask("GET", path, headers=header)
            assert (answer.status_code, answer.json()["reason"]) == (503, "ServiceUnavailable")
            assert answer.headers["Retry-After"] == "1"
            assert header["Authorization"] not in json.dumps(answer.json())
        finally:
            gateway.close()


def forged(real):
    """The same claims, signed by somebody else."""
    claims = jwt.decode(real, options={"verify_signature": False})
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256")
