"""Requirements of all devices pages, and customization by a project."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.urls import include, path

from refresh_sessions import urls_pages
from refresh_sessions.pages import views
from tests.pages.browser import LIST
from tests.pages.markup import Element, Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(browser, user, device, clock):
    """All pages, after a recent login and after an old one."""
    phone = device("Phone", agent="Agent/1")
    device("Phone", agent="Agent/1")
    device()
    paths = ["", "end-others/", f"{phone.pk}/end/", f"{phone.pk}/rename/"]
    answers = [browser.client.get(LIST + item) for item in paths]
    current = browser.api_login(user)
    answers += [browser.client.get(LIST + item) for item in ("", f"{current.pk}/end/")]
    clock.move(timedelta(minutes=6))
    answers += [browser.client.get(LIST + item) for item in paths]
    return [*answers, browser.end(phone, password="wrong")]


def test_devices_pages_have_valid_accessible_markup(pages):
    problems = {problem for page in pages for problem in Page(page.text).problems()}
    assert problems == set()


def test_devices_pages_have_distinct_titles(pages):
    assert len({Page(page.text).title for page in pages}) == 6


def test_devices_pages_forbid_caching_or_framing(pages):
    for page in pages:
        assert "no-store" in page["Cache-Control"]
        assert page["X-Frame-Options"] == "DENY"
        assert "Cookie" in page["Vary"]


def test_devices_page_without_xframe_middleware_forbids_framing(browser, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "XFrame" not in name]
    assert browser.show()["X-Frame-Options"] == "DENY"


def test_devices_page_style_sheets_exist(browser):
    links = Page(browser.show().text).all("link")
    assert {link.attrs["rel"] for link in links} == {"stylesheet"}
    assert len(links) == 3
    assert all(style_of(link) for link in links)


def test_devices_pages_css_classes_are_styled(pages):
    css = "".join(style_of(link) for link in Page(pages[0].text).all("link"))
    used = {name for page in pages for item in Page(page.text).elements for name in classes(item)}
    ours = {name for name in used if name.startswith("refresh-sessions")}
    unstyled = {"refresh-sessions-icon"}
    assert {name for name in ours if f".{name}" not in css} <= unstyled


def style_of(link: Element) -> str:
    path = finders.find(link.attrs["href"].removeprefix("/static/"))
    assert path is not None
    return Path(path).read_text(encoding="utf-8")


def classes(element: Element) -> list[str]:
    return element.attrs.get("class", "").split()


@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("ar", "rtl"), ("en", "ltr")])
def test_devices_page_has_language_with_direction(browser, device, language, direction):
    device("Phone")
    html = browser.client.get(LIST, headers={"accept-language": language}).text
    (root,) = Page(html).all("html")
    assert (root.attrs["lang"], root.attrs["dir"]) == (language, direction)


def test_message_is_shown_once(browser, device):
    browser.end(device("Phone"))
    assert "Phone has been signed out." in Page(browser.show().text).text
    assert "Phone has been signed out." not in browser.show().text


def test_devices_page_without_messages_app_works(browser, device, settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if "messages" not in app]
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "messages" not in name]
    (engine,) = settings.TEMPLATES
    processors = [
        name for name in engine["OPTIONS"]["context_processors"] if "messages" not in name
    ]
    settings.TEMPLATES = [{**engine, "OPTIONS": {"context_processors": processors}}]
    phone, tablet = device("Phone"), device("Tablet")
    assert browser.end(phone).url == LIST
    assert browser.names()[1:] == ["Tablet"]
    browser.client.post(f"{LIST}{tablet.pk}/rename/", {"name": "Kitchen"})
    assert browser.names()[1:] == ["Kitchen"]


def test_devices_page_without_context_processors_works(stale, user, device, settings):
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "OPTIONS": {}}]
    phone = device("Phone")
    assert stale.names()[1:] == ["Phone"]
    assert "csrfmiddlewaretoken" in stale.show().text
    assert user.get_username() in Page(stale.end(phone).text).text


@pytest.fixture
def templates(settings):
    """Return a function that installs templates of a project before the package's."""

    def install(**sources):
        (engine,) = settings.TEMPLATES
        texts = {name.replace("__", "/") + ".html": text for name, text in sources.items()}
        loaders = [
            ("django.template.loaders.locmem.Loader", texts),
            "django.template.loaders.app_directories.Loader",
        ]
        options = {**engine["OPTIONS"], "loaders": loaders}
        settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]

    return install


OWN_BASE = "<title>{% block title %}{% endblock %} - Shop</title>{% block content %}{% endblock %}"


class TestProject:
    def test_project_base_template_is_used_by_all_pages(self, browser, device, templates):
        session = device("Phone")
        templates(refresh_sessions__base=OWN_BASE)
        for path_ in ("", "end-others/", f"{session.pk}/rename/"):
            assert "- Shop</title>" in browser.client.get(LIST + path_).text

    def test_project_template_overrides_block(self, browser, templates, mounted):
        templates(
            shop__devices='{% extends "refresh_sessions/session_list.html" %}'
            "{% block coverage %}Call us.{% endblock %}"
        )
        mounted(views.SessionListView.as_view(template_name="shop/devices.html"))
        html = browser.show().text
        assert "Call us." in html
        assert "Not on this list" not in html

    def test_project_template_overrides_device_row(self, browser, device, templates):
        device("Phone")
        templates(refresh_sessions__device="<li>{{ row.name }}!</li>")
        assert "<li>Phone!</li>" in browser.show().text

    def test_view_with_base_template_argument_uses_base_template(
        self, browser, templates, mounted
    ):
        templates(shop__base=OWN_BASE)
        mounted(views.SessionListView.as_view(base_template="shop/base.html"))
        assert "re signed in - Shop</title>" in browser.show().text

    def test_view_subclass_changes_queryset(self, browser, device, mounted):
        class ShopDevices(views.SessionListView):
            def get_others(self):
                return super().get_others().exclude(name="Till")

        device("Till")
        device("Phone")
        mounted(ShopDevices.as_view())
        assert browser.names()[1:] == ["Phone"]


@pytest.fixture
def mounted(settings):
    """Return a function that replaces the list with a view of a project."""

    def mount(view):
        pages = [path("", view, name="session-list"), *urls_pages.urlpatterns[1:]]
        settings.ROOT_URLCONF = (
            path("devices/", include((pages, urls_pages.app_name))),
            path("accounts/", include("django.contrib.auth.urls")),
        )

    return mount
