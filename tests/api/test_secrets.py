"""Log lines, error reports and exceptions contain no password and no token."""

import pytest

from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.sessions import log_in
from tests.api.client import Client
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE


def fail(*args, **kwargs):
    raise RuntimeError("broken on purpose")


class TestSecrets:
    """Log lines, error reports and exceptions contain no password and no token."""

    @pytest.fixture
    def _broken(self, monkeypatch):
        """Make each session function fail."""
        for verb in ("log_in", "finish_login", "refresh_session", "log_out"):
            monkeypatch.setattr(f"refresh_sessions.rest_framework.views.tokens.{verb}", fail)
        name = "refresh_sessions.rest_framework.authentication.check_access_token"
        monkeypatch.setattr(name, fail)

    @pytest.mark.usefixtures("_broken")
    @pytest.mark.parametrize("transport", ["body", "cookie"])
    def test_error_report_of_each_endpoint_shows_no_secret(
        self, transactional_db, ada, reports, options, caplog, transport
    ):
        user = UserFactory()
        pair = make_pair(user)
        options(TRANSPORT=transport, COOKIE_NAME="refresh_token")
        client = Client(raise_request_exception=False).raw
        client.cookies["refresh_token"] = pair.refresh
        bodies = {
            "login/": {"username": user.get_username(), "password": PASSWORD},
            "login/verify/": {"ticket": self.ticket(options, ada), "code": CODE},
            "refresh/": {"refresh": pair.refresh},
            "logout/": {"refresh": pair.refresh},
        }
        for path, body in bodies.items():
            assert client.post(f"/auth/{path}", body, format="json").status_code == 500
        headers = {"authorization": f"Bearer {pair.access}"}
        assert client.get("/auth/sessions/", headers=headers).status_code == 500
        assert client.get("/who-am-i/", headers=headers).status_code == 500
        assert len(reports) == 6
        seen = caplog.text + "".join(reports)
        assert "broken on purpose" in seen
        for secret in (
            pair.refresh,
            pair.access,
            PASSWORD,
            bodies["login/verify/"]["ticket"],
            CODE,
        ):
            assert secret not in seen
            assert secret.rpartition(".")[2] not in seen

    def ticket(self, options, ada):
        """Return the ticket of a login before its second step."""
        options(SECOND_FACTORS=("tests.factors.Code",))
        with pytest.raises(SecondFactorRequiredError) as asked:
            log_in(ada)
        return asked.value.ticket

    @pytest.mark.parametrize(
        "broken",
        [
            "identity.methods.authenticate",
            "rest_framework.views.step_up.reauthenticate_session",
            "tokens.refresh_tokens.derive_secret",
        ],
    )
    def test_error_report_of_reauthentication_shows_no_secret(
        self, db, reports, monkeypatch, broken
    ):
        pair = make_pair()
        client = Client(raise_request_exception=False)
        monkeypatch.setattr(f"refresh_sessions.{broken}", fail)
        headers = {"authorization": f"Bearer {pair.access}"}
        body = {"password": PASSWORD}
        answer = client.raw.post("/auth/reauthenticate/", body, format="json", headers=headers)
        assert answer.status_code == 500
        (seen,) = reports
        assert "broken on purpose" in seen
        for secret in (pair.access, pair.access.rpartition(".")[2], PASSWORD):
            assert secret not in seen
