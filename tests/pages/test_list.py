"""Content of the devices page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refresh_sessions.models import TokenFamily
from refresh_sessions.pages import views
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory
from tests.pages.browser import CHROME, LIST, Browser
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


def test_device_list_anonymous_redirects_to_login():
    response = Browser().client.get(LIST)
    assert response.status_code == 302
    assert response.url == f"/accounts/login/?next={LIST}"


def test_device_list_is_ordered_most_recently_used_first(browser, device):
    now = timezone.now()
    device("Used yesterday", used=now - timedelta(days=1), created_at=now - timedelta(days=3))
    device("Never used", created_at=now - timedelta(days=2))
    device("Just used", used=now, created_at=now - timedelta(days=5))
    seen = device("Seen an hour ago", created_at=now - timedelta(days=4))
    TokenFamily.objects.filter(session=seen).update(
        rotated_at=now - timedelta(days=2), delivered_at=now - timedelta(hours=1)
    )
    names = browser.names()[1:]
    assert names == ["Just used", "Seen an hour ago", "Used yesterday", "Never used"]


def test_device_list_shows_own_live_sessions_only(browser, device):
    device("Mine")
    device("Another's", owner=UserFactory())
    revoke_session(device("Ended"), reason="user")
    device("Expired", expires_at=timezone.now() - timedelta(seconds=1))
    assert browser.names()[1:] == ["Mine"]


def test_device_row_shows_name_use_address_with_login_time(browser, device, clock):
    at = clock.now - timedelta(hours=30)
    device("Kitchen", agent="Example/1", used=clock.now - timedelta(hours=2), created_at=at)
    page = Page(browser.show().text)
    (row,) = [item for item in page.all("li") if "Kitchen" in item.text]
    assert "Example" in row.text
    assert "127.0.0.1" in row.text
    used, signed_in = row.all("time")
    assert used.text == "Last used 2 hours ago"
    assert used.attrs["datetime"] == (clock.now - timedelta(hours=2)).isoformat()
    assert used.attrs["title"].endswith("UTC")
    assert signed_in.text.startswith("Signed in ")
    assert signed_in.attrs["datetime"] == at.isoformat()
    # The times may be in another language and direction than the page.
    assert used.attrs["dir"] == signed_in.attrs["dir"] == "auto"
    assert len(row.all("svg")) == 1


def test_device_row_of_bound_session_has_key_with_text(browser, device):
    sessions = [device(name) for name in ("Bound", "Half bound", "Not bound")]
    for session in sessions[:2]:
        TokenFamily.objects.filter(session=session).update(binding="dpop", key_thumbprint="k" * 43)
    family = TokenFamily.objects.get(session=sessions[1])
    family.pk, family.binding = None, ""
    family.save(force_insert=True)
    page = Page(browser.show().text)
    (row,) = [item for item in page.all("li") if "Tied to its device" in item.text]
    assert row.text.split()[0] == "Bound"
    # The kind of device, and the key.
    assert len(row.all("svg")) == 2
    assert all(icon.attrs["aria-hidden"] == "true" for icon in row.all("svg"))


def test_device_row_recent_use_shows_just_now(browser, device):
    device("Phone")
    assert "Last used just now" in browser.show().text


def test_device_row_without_user_agent_is_unknown_device(browser, device):
    session = device()
    assert browser.names()[1:] == ["Unknown device"]
    assert str(session.pk) not in Page(browser.show().text).text


def test_device_list_without_other_device_has_no_button(browser):
    assert "not signed in on any other device" in browser.show().text
    assert browser.buttons() == []


def test_device_buttons_have_names_of_devices(browser, device):
    device("Phone")
    device("Tablet")
    assert set(browser.buttons()) == {
        "Sign out Phone",
        "Sign out Tablet",
        "Sign out everywhere else",
    }


def test_device_row_text_of_client_is_escaped(browser, device):
    markup = '<img src=x onerror="alert(1)">{{ 7 }}'
    device(markup)
    device(agent=markup)
    html = browser.show().text
    assert "<img" not in html
    assert markup in browser.names()


def test_device_row_own_user_agent_is_escaped(user):
    browser = Browser()
    browser.client.defaults["HTTP_USER_AGENT"] = "<b>bold</b>"
    browser.login(user)
    assert "<b>bold" not in browser.show().text


class TestQueries:
    @pytest.fixture
    def count(self, browser):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                browser.show()
            return len(captured)

        return queries

    def test_device_list_more_devices_take_no_extra_query(self, count, device):
        device("One")
        one = count()
        for _ in range(49):
            device()
        # Django's session and user; the count, the sessions, and their families.
        assert (one, count()) == (5, 5)

    def test_device_list_with_current_device_takes_two_more_queries(
        self, count, browser, user, device
    ):
        device("Another")
        browser.api_login(user)
        assert count() == 7


class TestPagination:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch):
        monkeypatch.setattr(views.SessionListView, "paginate_by", 2)

    @pytest.fixture(autouse=True)
    def _devices(self, device):
        for number in range(5):
            device(f"Device {number}", used=timezone.now() - timedelta(hours=number))

    @pytest.mark.parametrize(
        ("page", "names"),
        [("1", ["Device 0", "Device 1"]), ("2", ["Device 2", "Device 3"]), ("3", ["Device 4"])],
    )
    def test_device_list_page_has_page_size(self, browser, page, names):
        assert browser.names(page=page) == [CHROME, *names]

    @pytest.mark.parametrize("page", ["0", "99", "x", ""])
    def test_device_list_invalid_page_shows_existing_page(self, browser, page):
        assert len(browser.names(page=page)) > 1

    def test_device_list_page_links_to_neighbours(self, browser):
        links = {
            link.attrs.get("rel"): link for link in Page(browser.show(page="2").text).all("a")
        }
        assert links["prev"].attrs["href"] == "?page=1"
        assert links["next"].attrs["href"] == "?page=3"

    def test_device_list_page_shows_total_count(self, browser):
        assert "Other devices (5)" in Page(browser.show().text).text


def test_device_row_of_empty_request_is_unknown_device():
    row = views.DeviceRow.of_request(RequestFactory().get("/", REMOTE_ADDR=""))
    assert (row.name, row.ip_address, row.session) == ("Unknown device", None, None)
