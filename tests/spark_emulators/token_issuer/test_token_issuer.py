"""The token issuer, as clients use it, and the verifier that trusts it."""

import base64

import httpx
import jwt
import pytest
from issuers import BAD_TOKENS, SECRET, Issuer

from spark_emulators.token_issuer.tokens import Signer
from spark_platform.identity import Caller, bearer
from spark_platform.kernel.errors import InvalidInput, Transient, Unauthenticated


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


@pytest.fixture
def served(issuer):
    server = issuer.start()
    yield issuer
    assert server.stop() == 0
    assert SECRET not in "".join(server.log)


def test_a_token_says_who_and_for_whom(served):
    token = served.token()
    assert served.verifier().verify(token) == Caller("ana", "travel")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == (served.url, "spark-platform")
    assert claims["exp"] - claims["iat"] == 3600


def test_discovery_leads_to_the_rest(served):
    found = httpx.get(f"{served.url}/.well-known/openid-configuration").json()
    assert found["issuer"] == served.url
    (key,) = httpx.get(found["jwks_uri"]).json()["keys"]
    assert (key["kty"], key["crv"], "d" in key) == ("EC", "P-256", False)
    assert found["token_endpoint"] == f"{served.url}/token"


def test_tokens_outlive_their_server(issuer):
    server = issuer.start()
    token = issuer.token()
    server.stop()
    assert issuer.key.stat().st_mode & 0o777 == 0o600
    server = issuer.start()
    assert issuer.verifier().verify(token).user == "ana"
    server.stop()


@pytest.mark.parametrize(
    ("form", "error", "words"),
    [
        ({"user": None}, "invalid_request", "user is ''"),
        ({"user": "a b"}, "invalid_request", "user is 'a b'"),
        ({"domain": "-x"}, "invalid_request", "domain is '-x'"),
        ({"domain": "x" * 129}, "invalid_request", "domain is"),
        ({"expires_in": "0"}, "invalid_request", "expires_in is '0'"),
        ({"expires_in": "1e9"}, "invalid_request", "expires_in is '1e9'"),
        ({"grant_type": "password"}, "unsupported_grant_type", "client_credentials"),
    ],
)
def test_requests_that_cannot_be(served, form, error, words):
    answer = served.ask(**form)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert words in answer.json()["error_description"]


def test_without_the_secret_there_is_no_token(served):
    answer = served.ask(secret="guessed")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == "Basic"
    form = {"grant_type": "client_credentials", "user": "a", "domain": "b"}
    for header in ("", "Basic !", "Basic " + base64.b64encode(b"\xff").decode(), "Bearer x"):
        answer = httpx.post(f"{served.url}/token", data=form, headers={"Authorization": header})
        assert answer.status_code == 401, header
    twice = httpx.post(
        f"{served.url}/token", content="user=a&user=b", auth=("x", SECRET)
    )  # fmt: skip
    assert "user is given twice" in twice.json()["error_description"]


class TestVerifier:
    """What it must not trust; each with one clear reason, and no part of the token in it."""

    @pytest.fixture
    def refuses(self, served):
        def refuse(token, match, **given):
            with pytest.raises(Unauthenticated, match=match) as refused:
                served.verifier(**given).verify(token)
            assert token[-20:] not in str(refused.value)

        return refuse

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            ("expired", "it has expired"),
            ("for somebody else", r"for somebody else \(aud\)"),
            ("of another issuer", r"another issuer has made it"),
            ("with an unknown key", "no JWT of the issuer's keys"),
            ("forged", "its signature is wrong"),
            ("signed by nobody", "no JWT"),
            ("signed with what is public", "no JWT"),
        ],
    )
    def test_bad_tokens(self, served, refuses, wrong, match):
        refuses(BAD_TOKENS[wrong](served), match)

    def test_not_for_us(self, served, refuses):
        refuses(served.token(audience="others"), r"for somebody else \(aud\)")
        refuses(served.token(), r"another issuer has made it", issuer="https://elsewhere")

    @pytest.mark.parametrize("claim", ["sub", "domain", "exp", "aud", "iss"])
    def test_incomplete(self, served, claim):
        kid = {"kid": Signer(served.key).public()["kid"]}
        key = Signer(served.key)._key
        token = jwt.encode(served.claims(**{claim: None}), key, "ES256", headers=kid)
        with pytest.raises(Unauthenticated, match=claim):
            served.verifier().verify(token)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 20_000])
    def test_nonsense(self, served, token):
        with pytest.raises(Unauthenticated):
            served.verifier().verify(token)

    def test_an_issuer_that_is_away_is_no_proof_of_anything(self, issuer):
        with pytest.raises(Transient, match="keys cannot be had"):
            issuer.verifier().verify(Signer(issuer.key).sign({}, 60))


def test_headers():
    assert bearer("Bearer abc") == "abc"
    assert bearer("bearer  abc ") == "abc"
    for header in (None, "", "abc", "Basic abc", "Bearer", "Bearer  "):
        with pytest.raises(Unauthenticated, match="no bearer token"):
            bearer(header)


def test_key_files_that_hold_none(tmp_path):
    wrong = tmp_path / "key.pem"
    wrong.write_text("no key")
    with pytest.raises(InvalidInput, match="holds no private key"):
        Signer(wrong)
