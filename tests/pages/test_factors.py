"""Proof by more than a password: the methods of the project."""

from datetime import timedelta

import pytest

from tests.factories import PASSWORD
from tests.factors import CODE, Code
from tests.pages.browser import LIST, live, told
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
    """A first factor beside the password."""

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

    def test_has_a_field_of_its_own(self, stale, device):
        asked = fields(stale.end(device()))
        assert list(asked) == ["password", "authenticator_code"]
        assert asked["authenticator_code"]["autocomplete"] == "one-time-code"
        assert asked["authenticator_code"]["type"] == "text"
        assert [name for name in asked if "autofocus" in asked[name]] == ["password"]
        assert all("required" in field for field in asked.values())

    @pytest.mark.parametrize(
        ("method", "label"),
        [("AuthenticatorCode", "Authenticator code:"), ("LabelledCode", "Code from your app:")],
    )
    def test_is_called_as_people_know_it(self, stale, device, factors, method, label):
        factors(method)
        page = Page(stale.end(device()).text)
        assert [label.text for label in page.all("label")] == ["Password:", label]

    def test_both_together_are_proof(self, stale, device, clock):
        first, second = device(), device()
        assert told(stale.end(first, password=PASSWORD, authenticator_code=f" {CODE}"))
        clock.move(timedelta(minutes=4))
        assert told(stale.end(second))

    @pytest.mark.parametrize(
        "proof",
        [
            {"password": PASSWORD},
            {"authenticator_code": CODE},
            {"password": PASSWORD, "authenticator_code": ""},
            {"password": PASSWORD, "authenticator_code": "000000"},
            {"password": "wrong", "authenticator_code": CODE},
        ],
    )
    def test_nothing_less_is(self, stale, device, proof):
        response = stale.end(device(), **proof)
        page = Page(response.text)
        assert page.title.startswith("Error:")
        assert list(page.problems()) == []
        assert len(live()) == 1

    def test_a_login_alone_is_none_either(self, browser, device):
        """Whether the page of the login has asked for it is not known."""
        assert "authenticator_code" in fields(browser.end(device()))

    def test_no_failure_says_which_of_both_was_wrong(self, stale, user, device):
        session = stale.api_login(user)
        stale.end(device(), password=PASSWORD, authenticator_code="000000")
        event = session.events.get(kind="reauthentication_failed")
        assert event.details == {"methods": ["password", "authenticator_code"]}


class TestEitherOr:
    @pytest.fixture(autouse=True)
    def _key(self, factors):
        factors("BackupKey")

    def test_neither_has_to_be_filled_in(self, stale, device):
        asked = fields(stale.client.get(f"{LIST}{device().pk}/end/"))
        assert list(asked) == ["password", "backup_key"]
        assert not any("required" in field for field in asked.values())

    @pytest.mark.parametrize("proof", [{"password": PASSWORD}, {"backup_key": CODE}])
    def test_one_is_enough(self, stale, device, proof):
        assert told(stale.end(device(), **{"password": "", "backup_key": "", **proof}))

    def test_none_is_not(self, stale, device):
        response = stale.end(device(), password="", backup_key="")
        assert "Another factor is required to verify your identity." in response.text
        assert list(Page(response.text).problems()) == []
        assert len(live()) == 1
