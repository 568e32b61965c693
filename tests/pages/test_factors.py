"""Re-authentication on the devices page with several methods."""

from datetime import timedelta

import pytest

from tests.factories import PASSWORD
from tests.factors import CODE, Code
from tests.pages.browser import LIST, live, messages_of
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db

HERE = __name__
PASSWORD_METHOD = "refresh_sessions.identity.PasswordMethod"


class AuthenticatorCode(Code):
    """A second factor with a name of two words."""

    name = "authenticator_code"


class LabelledCode(AuthenticatorCode):
    """A second factor with a label."""

    label = "Code from your app"


class BackupKey(Code):
    """A second first factor beside the password."""

    name = "backup_key"
    amr = "kba"
    second_factor = False


@pytest.fixture
def factors(options, user, with_second_factor):
    with_second_factor(user)

    def use(*names):
        methods = (PASSWORD_METHOD, *(f"{HERE}.{name}" for name in names))
        options(REAUTHENTICATION_METHODS=methods)

    return use


def fields(response) -> dict[str, dict[str, str]]:
    inputs = Page(response.text).all("input")
    return {item.attrs["name"]: item.attrs for item in inputs if "id" in item.attrs}


class TestSecondFactor:
    @pytest.fixture(autouse=True)
    def _code(self, factors):
        factors("AuthenticatorCode")

    def test_second_factor_has_own_field(self, stale, device):
        shown = fields(stale.end(device()))
        assert list(shown) == ["password", "authenticator_code"]
        assert shown["authenticator_code"]["autocomplete"] == "one-time-code"
        assert shown["authenticator_code"]["type"] == "text"
        assert [name for name in shown if "autofocus" in shown[name]] == ["password"]
        assert all("required" in field for field in shown.values())

    @pytest.mark.parametrize(
        ("method", "label"),
        [("AuthenticatorCode", "Authenticator code:"), ("LabelledCode", "Code from your app:")],
    )
    def test_second_factor_field_shows_label(self, stale, device, factors, method, label):
        factors(method)
        page = Page(stale.end(device()).text)
        assert [label.text for label in page.all("label")] == ["Password:", label]

    def test_password_with_second_factor_is_accepted(self, stale, device, clock):
        first, second = device(), device()
        assert messages_of(stale.end(first, password=PASSWORD, authenticator_code=f" {CODE}"))
        clock.move(timedelta(minutes=4))
        assert messages_of(stale.end(second))

    @pytest.mark.parametrize(
        "data",
        [
            {"password": PASSWORD},
            {"authenticator_code": CODE},
            {"password": PASSWORD, "authenticator_code": ""},
            {"password": PASSWORD, "authenticator_code": "000000"},
            {"password": "wrong", "authenticator_code": CODE},
        ],
    )
    def test_incomplete_or_wrong_factors_are_refused(self, stale, device, data):
        response = stale.end(device(), **data)
        page = Page(response.text)
        assert page.title.startswith("Error:")
        assert list(page.problems()) == []
        assert len(live()) == 1

    def test_recent_django_login_does_not_count_as_second_factor(self, browser, device):
        """Django's login page may not have verified it."""
        assert "authenticator_code" in fields(browser.end(device()))

    def test_failed_reauthentication_event_lists_both_methods(self, stale, user, device):
        session = stale.api_login(user)
        stale.end(device(), password=PASSWORD, authenticator_code="000000")
        event = session.events.get(kind="reauthentication_failed")
        assert event.details == {"methods": ["password", "authenticator_code"]}


class TestAlternativeFactors:
    @pytest.fixture(autouse=True)
    def _key(self, factors):
        factors("BackupKey")

    def test_alternative_factor_fields_are_optional(self, stale, device):
        shown = fields(stale.client.get(f"{LIST}{device().pk}/end/"))
        assert list(shown) == ["password", "backup_key"]
        assert not any("required" in field for field in shown.values())

    @pytest.mark.parametrize("data", [{"password": PASSWORD}, {"backup_key": CODE}])
    def test_one_alternative_factor_is_accepted(self, stale, device, data):
        assert messages_of(stale.end(device(), **{"password": "", "backup_key": "", **data}))

    def test_no_alternative_factor_is_refused(self, stale, device):
        response = stale.end(device(), password="", backup_key="")
        assert "Another factor is required to verify your identity." in response.text
        assert list(Page(response.text).problems()) == []
        assert len(live()) == 1
