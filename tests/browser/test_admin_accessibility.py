"""Accessibility of all session pages in the admin, in light and dark mode."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from refresh_sessions.exceptions import InvalidDPoPProofError, ProofFault
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import revoke_session
from refresh_sessions.sessions.misuse import report_misuse
from tests.browser.accessibility import scrolls_horizontally, violations_beyond_django
from tests.browser.admin_pages import AdminPages
from tests.factories import make_pair

PLAIN = "plain:refresh_sessions_devicesession"


@pytest.fixture
def session(live_server) -> DeviceSession:
    return make_pair(name="Ada's phone").session


@pytest.fixture
def nameless(live_server) -> DeviceSession:
    """A session without a name is shown with its id, longer than most names."""
    return make_pair().session


@pytest.fixture
def ended(live_server) -> DeviceSession:
    session = make_pair(name="Ada's tablet").session
    revoke_session(session, reason="lost on the train")
    return session


@pytest.fixture
def bound(live_server) -> DeviceSession:
    """A session that is bound to a key, with an event of a refused copy."""
    session = make_pair(name="Ada's watch").session
    families = TokenFamily.objects.filter(session=session)
    families.update(binding="dpop", key_thumbprint="k" * 43)
    misuse = InvalidDPoPProofError(ProofFault.MISSING)
    report_misuse(TokenFamily.objects.with_owner().get(session=session), misuse, None)
    return session


def plain(page: str, *args) -> str:
    return reverse(f"{PLAIN}_{page}", args=args)


def test_session_list_is_accessible(admin_pages, session, nameless, ended, bound):
    admin_pages.open_list()

    expect(admin_pages.rows).to_have_count(4)
    sign = admin_pages.rows.get_by_text("Tied to its device")
    expect(sign).to_be_visible()
    expect(sign.locator("svg")).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=plain("changelist")) == {}


@pytest.mark.parametrize("show", [AdminPages.open_list, AdminPages.open_events])
def test_session_list_long_name_leaves_space_for_other_columns(admin_pages, session, show):
    make_pair(name="W" * 128)
    make_pair(name="Device of Ada " * 8)
    show(admin_pages)

    expect(admin_pages.rows).to_have_count(3)
    cell = admin_pages.page.locator("#result_list .refresh-sessions-device").first
    width = cell.locator("xpath=..").bounding_box()["width"]
    assert 100 < width < 220


def test_filtered_session_list_is_accessible(admin_pages, session, nameless, ended):
    admin_pages.open_list(q="ada", status="revoked")

    expect(admin_pages.rows).to_have_count(1)
    assert violations_beyond_django(admin_pages.page, plain=plain("changelist")) == {}


@pytest.mark.parametrize("which", ["session", "nameless", "ended", "bound"])
def test_session_page_is_accessible(admin_pages, request, which):
    session = request.getfixturevalue(which)
    admin_pages.open(session)

    expect(admin_pages.page.locator("h1")).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=plain("change", session.pk)) == {}


@pytest.mark.parametrize("which", ["session", "nameless"])
def test_confirmation_of_one_session_is_accessible(admin_pages, request, which):
    session = request.getfixturevalue(which)
    admin_pages.open(session, page="revoke")

    expect(admin_pages.yes).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=plain("delete", session.pk)) == {}


def test_confirmation_on_narrow_screen_is_accessible(admin_pages, session, nameless):
    admin_pages.page.set_viewport_size({"width": 320, "height": 640})
    admin_pages.open(session, page="revoke")

    frame = admin_pages.page.get_by_role("region", name="1 session")
    # The table scrolls in its region, also with the keyboard; the page does not.
    assert frame.evaluate("(frame) => frame.scrollWidth > frame.clientWidth")
    frame.focus()
    admin_pages.page.keyboard.press("ArrowRight")
    expect(frame).to_be_focused()
    assert not scrolls_horizontally(admin_pages.page)
    assert violations_beyond_django(admin_pages.page, plain=plain("delete", session.pk)) == {}


@pytest.mark.parametrize("action", ["revoke_selected", "sign_out_everywhere"])
def test_confirmation_of_many_sessions_is_accessible(
    admin_pages, session, nameless, ended, action
):
    admin_pages.open_list()
    for each in (session, nameless, ended):
        admin_pages.checkbox(each).check()
    admin_pages.action.select_option(value=action)
    admin_pages.run.click()

    expect(admin_pages.yes).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=plain("changelist")) == {}


def test_message_after_revocation_is_accessible(admin_pages, session):
    admin_pages.open(session, page="revoke")
    admin_pages.yes.click()

    expect(admin_pages.message).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=plain("change", session.pk)) == {}
