"""The public keys: without authentication, and cacheable."""

import pytest

from tests.api.client import check_contract, check_form, problem
from tests.keys import ASYMMETRIC, entry, public_pem


def get(client, **headers):
    return client.get("/auth/jwks.json", headers=headers)


@pytest.fixture
def no_database(django_db_blocker):
    """Fail on any query."""
    with django_db_blocker.block():
        yield


class TestWithoutPublicKeys:
    @pytest.mark.parametrize("keys", [[], ["SECRET_KEY"], [entry("HS256"), entry("HS512")]])
    def test_jwks_without_public_keys_is_404(self, no_database, client, options, keys):
        options(KEYS=keys)
        answer = get(client)
        check_contract(answer)
        assert problem(answer) == (404, "not_found")


@pytest.mark.usefixtures("no_database")
class TestPublicKeys:
    @pytest.fixture(autouse=True)
    def _keys(self, options):
        pytest.importorskip("cryptography")
        verify_only = {"algorithm": "EdDSA", "value": public_pem("EdDSA")}
        options(KEYS=[entry("ES256"), verify_only, entry("PS256"), entry("HS256"), "SECRET_KEY"])

    def test_jwks_has_exactly_the_public_keys(self, client):
        answer = get(client)
        check_form(answer)
        assert answer.status_code == 200
        keys = answer.json()["keys"]
        assert [(key["alg"], key["kty"]) for key in keys] == [
            ("ES256", "EC"),
            ("EdDSA", "OKP"),
            ("PS256", "RSA"),
        ]
        names = {name for key in keys for name in key}
        assert names == {"kid", "alg", "use", "kty", "crv", "x", "y", "n", "e"}

    def test_jwks_is_cacheable(self, client):
        answer = get(client)
        assert answer["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in answer
        assert not answer.cookies
        assert answer.get("Vary", "").lower() in {"", "accept-language"}

    def test_jwks_with_same_etag_is_304(self, client):
        etag = get(client)["ETag"]
        assert etag.startswith('"')
        for header in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            answer = get(client, **{"if-none-match": header})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer["ETag"] == etag
            assert answer["Cache-Control"] == "public, max-age=300"
        assert get(client, **{"if-none-match": '"other"'}).status_code == 200

    @pytest.mark.parametrize("header", ["if-match", "if-unmodified-since", "if-modified-since"])
    def test_jwks_ignores_other_conditional_headers(self, client, header):
        assert get(client, **{header: '"other"'}).status_code == 200

    def test_jwks_etag_changes_with_keys(self, client, options):
        before = get(client)["ETag"]
        options(KEYS=[entry("ES256", 1), entry("ES256")])
        after = get(client, **{"if-none-match": before})
        assert after.status_code == 200
        assert after["ETag"] != before

    @pytest.mark.parametrize(
        "header", ["Bearer", "Bearer a.b.c", "Basic x", "Bearer a b", "nonsense", "Bearer ä"]
    )
    def test_jwks_ignores_authorization_header(self, client, header):
        assert get(client, authorization=header).status_code == 200

    def test_jwks_is_public_with_login_required_middleware(self, client, settings):
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        assert get(client).status_code == 200

    def test_jwks_answers_cross_site_requests(self, client, options):
        options(TRANSPORT="cookie")
        assert get(client, **{"sec-fetch-site": "cross-site"}).status_code == 200

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
    def test_jwks_refuses_unsafe_methods(self, client, method):
        answer = getattr(client, method)("/auth/jwks.json")
        check_contract(answer)
        assert problem(answer) == (405, "method_not_allowed")

    def test_jwks_answers_head(self, client):
        answer = client.head("/auth/jwks.json")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer["ETag"] == get(client)["ETag"]


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_jwks_has_key_of_each_algorithm(client, options, algorithm):
    pytest.importorskip("cryptography")
    options(KEYS=[entry(algorithm)])
    (key,) = get(client).json()["keys"]
    assert key["alg"] == algorithm
