"""Tokens: who gets one, and which are good. The trusted issuer is the platform's own."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from catalog_callers import CONTROL, UC, USERS, Caller, admin_of, authorized, with_secret
from issuers import Issuer, issuing

from spark_emulators.unity_catalog.access.tokens import Tokens, new_key
from spark_emulators.unity_catalog.app import create_app
from spark_emulators.unity_catalog.paths import MOUNTS
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.store.database import open_database
from spark_emulators.unity_catalog.store.keys import Keys
from spark_platform.kernel.errors import Missing

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPES = "urn:ietf:params:oauth:token-type"
ME = f"{CONTROL}/scim2/Me"
CHOSEN = "chosen-beforehand-" + 20 * "x"
UNKNOWN = (401, "UNAUTHENTICATED", "NotAuthorizedException")
REFUSED = (403, "PERMISSION_DENIED", "ForbiddenException")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuing(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture
def config(config: dict[str, Any], issuer: Issuer) -> dict[str, Any]:
    return authorized(
        config,
        issuers=[issuer.url, "http://127.0.0.1:9"],
        audiences=["spark-platform"],
        token_lifetime_s=600,
        admin_token=CHOSEN,
    )


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    return admin_of(http, config)


def exchange(http: Any, token: str, query: str = "", **form: str) -> httpx.Response:
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": f"{TYPES}:id_token",
        "requested_token_type": f"{TYPES}:access_token",
        **form,
    }
    return Caller(http, None)("POST", f"{CONTROL}/auth/tokens{query}", data=form)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


def signed(config: dict[str, Any], at: float) -> str:
    """A token of admin's, signed by the catalog's own key at some time."""
    engine = open_database(config["database"])
    try:
        return Tokens(Keys(engine).get, 600, lambda: at).issue("admin")
    finally:
        engine.dispose()


def test_the_admins_token_is_for_its_owners_eyes_and_stays(
    config: dict[str, Any], http: Any, admin: Caller
) -> None:
    file = Path(config["authorization"]["admin_token_file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    claims = jwt.decode(str(admin.token), options={"verify_signature": False})
    assert (claims["iss"], claims["sub"], claims["type"]) == ("internal", "admin", "SERVICE")
    assert "exp" not in claims
    create_app(Settings.model_validate(config))
    assert file.read_text() == admin.token
    file.write_text("nonsense")
    create_app(Settings.model_validate(config))
    assert Caller(http, file.read_text())("GET", ME).status_code == 200


def test_a_token_that_was_chosen_is_the_admins(http: Any) -> None:
    me = Caller(http, CHOSEN)("GET", ME)
    assert (me.status_code, me.json()["userName"]) == (200, "admin")
    ours = exchange(http, CHOSEN).json()["access_token"]
    assert Caller(http, ours)("GET", ME).json()["userName"] == "admin"
    for other in (CHOSEN[:-1], CHOSEN + "x", CHOSEN.upper()):
        assert Caller(http, other)("GET", ME).status_code == 401
        assert code(exchange(http, other)) == (401, "UNAUTHENTICATED")


def test_a_chosen_token_cannot_be_guessed(config: dict[str, Any]) -> None:
    config["authorization"]["admin_token"] = "admin"
    with pytest.raises(ValueError, match="admin_token") as refused:
        Settings.model_validate(config)
    assert "at least 32" in str(refused.value)


def test_a_file_that_cannot_be_written_is_named(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config["authorization"]["admin_token_file"] = str(tmp_path / "file" / "token")
    with pytest.raises(Missing, match="file/token"):
        create_app(Settings.model_validate(config))


def test_issuers_need_audiences(config: dict[str, Any]) -> None:
    del config["authorization"]["audiences"]
    with pytest.raises(ValueError, match="audiences are missing"):
        Settings.model_validate(config)


def test_a_trusted_issuers_token_becomes_one_of_ours(
    http: Any, admin: Caller, issuer: Issuer
) -> None:
    admin.add_user("ana")
    answer = exchange(http, issuer.token("ana"))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    assert body["issued_token_type"] == f"{TYPES}:access_token"
    assert answer.headers["cache-control"] == "no-store"
    assert Caller(http, body["access_token"])("GET", ME).json()["userName"] == "ana"
    again = exchange(http, body["access_token"])
    assert Caller(http, again.json()["access_token"])("GET", ME).status_code == 200


def test_a_cookie_does_what_a_header_does(http: Any, admin: Caller, issuer: Issuer) -> None:
    answer = exchange(http, issuer.token("admin"), "?ext=cookie")
    set_cookie = answer.headers["set-cookie"]
    assert set_cookie.startswith("UC_TOKEN=")
    assert "HttpOnly" in set_cookie
    cookie = {"Cookie": set_cookie.partition(";")[0]}
    nobody = Caller(http, None)
    assert nobody("GET", ME, headers=cookie).status_code == 200
    logout = nobody("POST", f"{CONTROL}/auth/logout", headers=cookie)
    assert (logout.status_code, logout.json()) == (200, {})
    assert "Max-Age=0" in logout.headers["set-cookie"]


def test_whose_tokens_are_not_exchanged(http: Any, admin: Caller, issuer: Issuer) -> None:
    assert code(exchange(http, issuer.token("eve"))) == (403, "PERMISSION_DENIED")
    other = issuer.token("admin", audience="another")
    assert code(exchange(http, other)) == (401, "UNAUTHENTICATED")
    assert code(exchange(http, "no.jwt.atall")) == (401, "UNAUTHENTICATED")
    key = new_key()
    claims = {"sub": "admin", "aud": "spark-platform", "exp": int(time.time()) + 60}
    foreign = jwt.encode({**claims, "iss": "http://elsewhere"}, key, "RS256")
    assert code(exchange(http, foreign)) == (403, "PERMISSION_DENIED")
    forged = jwt.encode({**claims, "iss": issuer.url}, key, "RS256", headers={"kid": "x"})
    assert code(exchange(http, forged)) == (401, "UNAUTHENTICATED")
    away = jwt.encode({**claims, "iss": "http://127.0.0.1:9"}, key, "RS256")
    assert code(exchange(http, away)) == (503, "TEMPORARILY_UNAVAILABLE")


def test_a_group_has_no_tokens(http: Any, admin: Caller, issuer: Issuer) -> None:
    admin("POST", f"{CONTROL}/scim2/Groups", json={"displayName": "team"})
    assert code(exchange(http, issuer.token("team"))) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password"},
        {"requested_token_type": f"{TYPES}:saml2"},
        {"subject_token": ""},
        {"subject_token_type": ""},
        {"actor_token": "x"},
    ],
)
def test_a_form_that_is_none_is_bad_input(http: Any, form: dict[str, str]) -> None:
    assert code(exchange(http, "x", **form)) == (400, "INVALID_ARGUMENT")


def test_a_service_principal_has_a_secret(http: Any, admin: Caller) -> None:
    secret = admin.service_principal("etl")
    for path in ("/oidc/v1/token", *(f"{mount}/v1/oauth/tokens" for mount in MOUNTS)):
        form = {"grant_type": "client_credentials", "client_id": "etl", "client_secret": secret}
        body = Caller(http, None)("POST", path, data=form).json()
        assert body["scope"] == "all-apis"
        assert Caller(http, body["access_token"])("GET", ME).json()["applicationId"] == "etl"
    wrong = with_secret(http, "etl", secret + "x")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert with_secret(http, "nobody", "").json()["error"] == "invalid_client"
    assert with_secret(http, "admin", "").json()["error"] == "invalid_client"


def test_a_new_secret_replaces_the_old(http: Any, admin: Caller) -> None:
    old = admin.service_principal("etl")
    path = "/api/2.0/preview/scim/v2/ServicePrincipals"
    id = admin("GET", path).json()["Resources"][0]["id"]
    secrets = f"/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets"
    new = admin("POST", secrets).json()["secret"]
    assert with_secret(http, "etl", old).status_code == 401
    assert with_secret(http, "etl", new).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": EXCHANGE}, "invalid_request"),
        (
            {"grant_type": EXCHANGE, "subject_token": "x", "subject_token_type": "y"},
            "invalid_grant",
        ),
        ({"grant_type": "client_credentials"}, "invalid_client"),
    ],
)
def test_oauth_clients_get_oauths_errors(http: Any, form: dict[str, str], error: str) -> None:
    answer = Caller(http, None)("POST", "/oidc/v1/token", data=form)
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error


def test_the_databricks_sdk_finds_where_to_ask(http: Any) -> None:
    nobody = Caller(http, None)
    host = nobody("GET", "/.well-known/databricks-config").json()
    found = nobody("GET", f"{host['oidc_endpoint']}/.well-known/oauth-authorization-server")
    assert found.json()["token_endpoint"] == "http://testserver/oidc/v1/token"


def test_iceberg_clients_renew_their_token(http: Any, config: dict[str, Any]) -> None:
    form = {
        "grant_type": EXCHANGE,
        "subject_token": signed(config, time.time()),
        "subject_token_type": f"{TYPES}:access_token",
    }
    answer = Caller(http, None)("POST", f"{MOUNTS[0]}/v1/oauth/tokens", data=form)
    assert Caller(http, answer.json()["access_token"])("GET", ME).status_code == 200


class TestGoodAndBad:
    """Each API answers in its own shape who has no good token."""

    CATALOG = f"{MOUNTS[0]}/v1/config?warehouse=unity"
    PERMISSIONS = f"{UC}/permissions/metastore/metastore"

    def refusals(self, http: Any, token: str | None) -> tuple[Any, ...]:
        caller = Caller(http, token)
        answers = [caller("GET", url) for url in (self.PERMISSIONS, self.CATALOG, USERS)]
        statuses = {answer.status_code for answer in answers}
        assert len(statuses) == 1
        if statuses == {401}:
            assert all(answer.headers["www-authenticate"] == "Bearer" for answer in answers)
        text = "".join(answer.text for answer in answers)
        assert token is None or token not in text
        uc, iceberg, scim = (answer.json() for answer in answers)
        assert scim["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert scim["status"] == str(answers[2].status_code)
        return (*statuses, uc["error_code"], iceberg["error"]["type"])

    def test_none(self, http: Any) -> None:
        assert self.refusals(http, None) == UNKNOWN

    @pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 20_000])
    def test_nonsense(self, http: Any, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}".encode()}
        answer = Caller(http, None)("GET", self.PERMISSIONS, headers=headers)
        assert code(answer) == (401, "UNAUTHENTICATED")

    def test_expired(self, http: Any, config: dict[str, Any]) -> None:
        now = time.time()
        assert self.refusals(http, signed(config, now - 601)) == UNKNOWN
        assert Caller(http, signed(config, now - 500))("GET", ME).status_code == 200

    def test_forged(self, http: Any) -> None:
        key = new_key()
        claims = {"iss": "internal", "sub": "admin", "type": "SERVICE", "iat": 0}
        for forged in (
            jwt.encode(claims, key, "RS256"),
            jwt.encode(claims, None, "none"),
            jwt.encode(claims, "a key that is long enough for this", "HS256"),
        ):
            assert self.refusals(http, forged) == UNKNOWN

    def test_of_another_issuer(self, http: Any, issuer: Issuer) -> None:
        assert self.refusals(http, issuer.token("admin")) == REFUSED

    def test_of_somebody_who_is_disabled_or_gone(
        self, http: Any, admin: Caller, issuer: Issuer
    ) -> None:
        id = admin.add_user("ana")
        token = exchange(http, issuer.token("ana")).json()["access_token"]
        assert Caller(http, token)("GET", ME).status_code == 200
        for active, expected in ((False, 403), (True, 200)):
            patch = {"Operations": [{"op": "replace", "value": {"active": active}}]}
            assert admin("PATCH", f"{USERS}/{id}", json=patch).status_code == 200
            assert Caller(http, token)("GET", ME).status_code == expected
        assert admin("DELETE", f"{USERS}/{id}").status_code == 204
        assert self.refusals(http, token) == REFUSED


def test_health_needs_no_token(http: Any) -> None:
    assert Caller(http, None)("GET", "/healthz").status_code == 200
