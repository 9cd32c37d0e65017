"""Who is asking, and what they may."""

import pytest
from kube_api import config_map, pod
from test_kube_objects import status

RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def account(api):
    """A client of a service account, and its token."""
    api.create("serviceaccounts", {"metadata": {"name": "robot"}})
    token = api.http.post(
        api.path("serviceaccounts", "robot", "token"), json={"spec": {"expirationSeconds": 600}}
    )
    assert token.status_code == 201, token.text
    client = api.client({"Authorization": f"Bearer {token.json()['status']['token']}"})
    client.token = token.json()["status"]["token"]
    yield client
    client.close()


def allow(api, *rules, kind="Role"):
    api.create("roles", {"metadata": {"name": "r"}, "rules": list(rules)}, group=RBAC)
    api.create(
        "rolebindings",
        {
            "metadata": {"name": "b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": api.namespace}],
        },
        group=RBAC,
    )


def test_a_wrong_token(api):
    with api.client({"Authorization": "Bearer nonsense"}) as client:
        body = status(client.get("/api/v1/pods"), 401, "Unauthorized")
    assert body["message"] == "Unauthorized"


def test_the_anonymous(api):
    with api.client() as client:
        body = status(client.get("/api/v1/pods"), 403, "Forbidden")
        assert body["message"] == (
            'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group'
            ' "" at the cluster scope'
        )
        assert client.get("/healthz").status_code == 200
        assert client.get("/version").status_code == 200


def test_an_account_may_nothing_at_first(api, account):
    body = status(account.get(api.path("pods")), 403, "Forbidden")
    user = f"system:serviceaccount:{api.namespace}:robot"
    assert body["message"] == (
        f'pods is forbidden: User "{user}" cannot list resource "pods" in API group "" in the'
        f' namespace "{api.namespace}"'
    )
    assert body["details"] == {"kind": "pods"}
    one = status(account.delete(api.path("deployments", "x", group="apps/v1")), 403, "Forbidden")
    assert one["message"].startswith(
        f'deployments.apps "x" is forbidden: User "{user}" cannot delete resource "deployments"'
        ' in API group "apps"'
    )


def test_a_role_allows(api, account):
    allow(api, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get"]})
    path = api.path("configmaps")

    def may():
        return account.post(path, json=config_map()).status_code

    codes = {may() for _ in range(1)}
    api.eventually(path, lambda value: may() in (201, 409))
    assert codes <= {201, 403}
    assert account.get(f"{path}/c").status_code == 200
    status(account.delete(f"{path}/c"), 403, "Forbidden")
    status(account.delete(path), 403, "Forbidden")


def test_a_role_of_named_objects_and_subresources(api, account):
    api.create("pods", pod())
    allow(
        api,
        {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    )
    api.eventually(
        api.path("pods"), lambda _: account.get(api.path("pods", "p")).status_code == 200
    )
    assert account.get(api.path("pods", "other")).status_code == 403
    assert account.get(api.path("pods", "p", "log")).status_code != 403
    assert account.get(api.path("pods", "p", "status")).status_code == 403


def test_who_am_i(api, account):
    answer = account.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={})
    assert answer.status_code == 201, answer.text
    user = answer.json()["status"]["userInfo"]
    assert user["username"] == f"system:serviceaccount:{api.namespace}:robot"
    assert set(user["groups"]) == {
        "system:serviceaccounts",
        f"system:serviceaccounts:{api.namespace}",
        "system:authenticated",
    }


def test_may_i(api, account):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {
        "spec": {
            "resourceAttributes": {"verb": "create", "resource": "pods", "namespace": api.namespace}
        }
    }
    assert api.http.post(path, json=asked).json()["status"]["allowed"] is True
    assert account.post(path, json=asked).json()["status"]["allowed"] is False


def test_may_somebody(api):
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    about = {"verb": "get", "resource": "pods"}
    asked = {"spec": {"user": "nobody", "resourceAttributes": about}}
    answer = api.http.post(path, json=asked)
    assert (answer.status_code, answer.json()["status"]["allowed"]) == (201, False)


def test_a_question_that_is_none(api):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status(api.http.post(path, json={"spec": {}}), 422, "Invalid")


def test_whose_token(api, account):
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    answer = api.http.post(path, json={"spec": {"token": account.token}})
    assert answer.status_code == 201
    found = answer.json()["status"]
    assert found["authenticated"] is True
    assert found["user"]["username"] == f"system:serviceaccount:{api.namespace}:robot"
    unknown = api.http.post(path, json={"spec": {"token": "nonsense"}}).json()["status"]
    assert not unknown.get("authenticated")


def test_for_whom_a_token_is(api, account):
    path = "/apis/authentication.k8s.io/v1/tokenreviews"

    def asked(token, *audiences):
        spec = {"token": token, "audiences": list(audiences)}
        return api.http.post(path, json={"spec": spec}).json()["status"]

    wanted = {"spec": {"audiences": ["gateway", "more"]}}
    answer = api.http.post(api.path("serviceaccounts", "robot", "token"), json=wanted)
    token = answer.json()["status"]["token"]
    found = asked(token, "gateway", "other")
    assert (found["authenticated"], found["audiences"]) == (True, ["gateway"])
    assert found["user"]["username"] == f"system:serviceaccount:{api.namespace}:robot"
    assert sorted(asked(token, "more", "gateway")["audiences"]) == ["gateway", "more"]
    for refused in (
        asked(token),
        asked(token, "other"),
        asked(account.token, "gateway"),
        asked(api.token, "gateway"),
    ):
        assert not refused.get("authenticated")
        assert not refused.get("audiences")
        assert refused["error"]
    with api.client({"Authorization": f"Bearer {token}"}) as client:
        assert client.get("/api").status_code == 401, "it is not for the API itself"
    (own,) = asked(account.token)["audiences"]
    assert asked(account.token, own, "gateway")["audiences"] == [own]


def test_nobodys_token(api):
    answer = api.http.post("/apis/authentication.k8s.io/v1/tokenreviews", json={"spec": {}})
    assert "token is required" in status(answer, 400, "BadRequest")["message"]


def test_a_token_ends_with_its_account(api, account):
    assert account.get("/api").status_code == 200
    api.http.delete(api.path("serviceaccounts", "robot"))
    api.eventually(api.path("pods"), lambda _: account.get("/api").status_code == 401)


def test_a_token_bound_to_a_pod(api):
    api.create("pods", pod())
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
    path = api.path("serviceaccounts", "default", "token")
    answer = api.http.post(path, json={"spec": {"boundObjectRef": bound}})
    assert answer.status_code == 201, answer.text
    with api.client({"Authorization": f"Bearer {answer.json()['status']['token']}"}) as client:
        assert client.get("/api").status_code == 200
        api.http.delete(api.path("pods", "p"))
        api.eventually(api.path("pods"), lambda _: client.get("/api").status_code == 401)


@pytest.mark.parametrize("seconds", [1, 599])
def test_a_token_that_is_too_short(api, seconds):
    path = api.path("serviceaccounts", "default", "token")
    body = status(
        api.http.post(path, json={"spec": {"expirationSeconds": seconds}}), 422, "Invalid"
    )
    assert "may not specify a duration less than 10 minutes" in body["message"]


def test_rules_that_are_none(api):
    value = {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"]}]}
    status(api.http.post(api.path("roles", group=RBAC), json=value), 422, "Invalid")


def test_a_bindings_role_stays(api):
    api.create("serviceaccounts", {"metadata": {"name": "robot"}})
    allow(api, {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})
    change = {"roleRef": {"name": "other"}}
    answer = api.patch(api.path("rolebindings", "b", group=RBAC), change)
    assert "cannot change roleRef" in status(answer, 422, "Invalid")["message"]


def test_the_role_that_sparks_documents_bind(api, account):
    """``kubectl create rolebinding … --clusterrole=edit``."""
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": api.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    value = {"metadata": {"name": "b"}, "roleRef": role, "subjects": [subject]}
    api.create("rolebindings", value, group=RBAC)
    path = api.path("pods")
    api.eventually(path, lambda _: account.get(path).status_code == 200)
    dry = {"dryRun": "All"}
    assert account.post(path, json=pod(), params=dry).status_code == 201
    assert account.delete(path, params={**dry, "labelSelector": "a=b"}).status_code == 200
    services = api.path("services")
    assert account.delete(services, params={**dry, "labelSelector": "a=b"}).status_code == 200
    assert account.get(api.path("roles", group=RBAC)).status_code == 403
    assert account.get("/api/v1/nodes").status_code == 403
