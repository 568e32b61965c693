"""Endpoints and pages below a prefix with variables, and mounted more than once."""

from datetime import timedelta

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import NoReverseMatch, include, path
from django.urls.resolvers import get_resolver

from refresh_sessions import urls_pages
from refresh_sessions.pages import views as pages
from refresh_sessions.rest_framework import views
from tests.factories import PASSWORD, make_pair
from tests.pages.browser import asks_for_password, live
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


class TestEndpoints:
    @pytest.fixture
    def call(self, client, mount):
        def send(method, path_, body=None, access=None):
            headers = {"authorization": f"Bearer {access}"} if access else {}
            return getattr(client, method)(mount.api(path_), body, format="json", headers=headers)

        return send

    @pytest.fixture
    def tokens(self, call, user):
        credentials = {"username": user.get_username(), "password": PASSWORD}
        return call("post", "login/", credentials).json()

    def test_login_below_a_prefix_answers_valid_tokens(self, call, tokens):
        refreshed = call("post", "refresh/", {"refresh": tokens["refresh"]})
        assert refreshed.status_code == 200
        assert call("get", "sessions/", access=refreshed.json()["access"]).status_code == 200

    def test_each_endpoint_below_a_prefix_answers_as_without(self, call, tokens):
        access, session = tokens["access"], tokens["session"]["id"]
        requests = [
            ("post", "login/", {}),
            ("post", "login/verify/", {}),
            ("post", "refresh/", {}),
            ("post", "refresh-token/", {}),
            ("post", "introspect/", {}),
            ("get", "jwks.json", None),
            ("post", "revoke/", {}),
            ("get", "reauthenticate/", None),
            ("post", "reauthenticate/", {}),
            ("get", "sessions/", None),
            ("get", "sessions/x/", None),
            ("get", f"sessions/{session}/", None),
            ("patch", f"sessions/{session}/", {"name": "Phone"}),
            ("post", "sessions/branch/", {"refresh": tokens["refresh"]}),
            ("post", "sessions/revoke-others/", None),
            ("delete", f"sessions/{session}/", None),
            ("post", "logout/", {}),
        ]
        statuses = [call(*request, access=access).status_code for request in requests]
        assert statuses == [
            *(400, 400, 401, 401, 404, 404, 400, 200, 400, 200),
            *(404, 200, 200, 201, 200, 204, 204),
        ]

    def test_revoke_all_below_a_prefix_revokes_each_session(self, call, tokens):
        answer = call("post", "sessions/revoke-all/", access=tokens["access"])
        assert answer.json() == {"revoked": 1}

    def test_each_view_handler_accepts_further_arguments(self):
        for pattern in get_resolver("refresh_sessions.urls").url_patterns:
            view = pattern.callback.view_class
            methods = set(view.http_method_names) & set(dir(view)) - {"head"}
            assert methods, view
            for method in methods:
                code = getattr(view, method).__code__
                assert code.co_flags & 0x08, f"{view.__name__}.{method} takes no **kwargs"


class TestPages:
    def test_page_list_below_a_prefix_shows_devices(self, user_client, user, mount):
        make_pair(user, name="Phone")
        answer = user_client.get(mount.pages())
        assert (answer.status_code, "Phone" in answer.text) == (200, True)

    def test_page_list_links_stay_below_the_prefix(self, user_client, user, mount):
        session = make_pair(user, name="Phone").session
        page = Page(user_client.get(mount.pages()).text)
        targets = {item.attrs["href"] for item in page.all("a")}
        targets |= {item.attrs["action"] for item in page.all("form")}
        assert targets == {
            mount.pages(f"{session.pk}/rename/"),
            mount.pages(f"{session.pk}/end/"),
            mount.pages("end-others/"),
        }

    def test_each_page_below_a_prefix_links_to_the_list(self, user_client, user, mount):
        session = make_pair(user, name="Phone").session
        for rest in ("end-others/", f"{session.pk}/end/", f"{session.pk}/rename/"):
            answer = user_client.get(mount.pages(rest))
            assert answer.status_code == 200
            links = {item.attrs["href"] for item in Page(answer.text).all("a")}
            assert links == {mount.pages()}, rest

    def test_rename_below_a_prefix_redirects_to_the_list(self, user_client, user, mount):
        session = make_pair(user).session
        answer = user_client.post(mount.pages(f"{session.pk}/rename/"), {"name": "Kitchen"})
        assert (answer.status_code, answer.url) == (302, mount.pages())
        session.refresh_from_db()
        assert session.name == "Kitchen"

    def test_revoking_below_a_prefix_redirects_to_the_list(
        self, user_client, user, mount, options
    ):
        options(REAUTHENTICATE_TO_REVOKE=False)
        first, second = (make_pair(user).session for _ in range(2))
        answer = user_client.post(mount.pages(f"{first.pk}/end/"))
        assert (answer.status_code, answer.url) == (302, mount.pages())
        assert live() == {second.pk}
        answer = user_client.post(mount.pages("end-others/"))
        assert (answer.status_code, answer.url) == (302, mount.pages())
        assert live() == set()

    def test_reauthentication_page_stays_below_the_prefix(self, user_client, user, mount, clock):
        session = make_pair(user).session
        clock.move(timedelta(minutes=6))
        question = user_client.post(mount.pages(f"{session.pk}/end/"))
        assert asks_for_password(question)
        answer = user_client.post(mount.pages(f"{session.pk}/end/"), {"password": PASSWORD})
        assert (answer.status_code, answer.url) == (302, mount.pages())

    def test_login_of_user_without_password_redirects_to_the_list(self, user, mount):
        user.set_unusable_password()
        user.save()
        client = Client()
        client.force_login(user)
        session = make_pair(user).session
        note = client.session
        del note["refresh_sessions.proof"]
        note.save()
        answer = client.get(mount.pages(f"{session.pk}/end/"))
        assert answer.status_code == 403
        links = {item.attrs["href"] for item in Page(answer.text).all("a")}
        assert links == {mount.pages(), f"/accounts/login/?next={mount.pages()}"}

    def test_login_redirects_to_the_page_below_the_prefix(self, mount):
        answer = Client().get(mount.pages())
        assert answer.url == f"/accounts/login/?next={mount.pages()}"


class TestLoginBelowThePrefix:
    """The login URL has the variables of the request, which ``LOGIN_URL`` cannot express."""

    @pytest.fixture
    def project(self, settings):
        class End(pages.RevokeSessionView):
            def get_login_url(self):
                return f"/{self.kwargs['tenant']}/login/"

        settings.LOGIN_URL = "tenant-login"
        session_end = path("<uuid:session_id>/end/", End.as_view(), name="session-end")
        others = [item for item in urls_pages.urlpatterns if item.name != "session-end"]
        mounted = include(([session_end, *others], urls_pages.app_name))
        settings.ROOT_URLCONF = (
            path("<slug:tenant>/devices/", mounted),
            path("<slug:tenant>/login/", views.LoginView.as_view(), name="tenant-login"),
        )

    def test_anonymous_user_is_redirected_to_login_below_the_prefix(self, project, user):
        session = make_pair(user).session
        answer = Client().get(f"/acme/devices/{session.pk}/end/")
        assert answer.url == f"/acme/login/?next=/acme/devices/{session.pk}/end/"

    def test_logout_of_current_device_redirects_to_login_below_the_prefix(
        self, project, user_client, user
    ):
        session = make_pair(user).session
        note = user_client.session
        note["refresh_sessions.device_session"] = str(session.pk)
        note.save()
        answer = user_client.post(f"/acme/devices/{session.pk}/end/")
        assert answer.url == "/acme/login/"


class TestOtherPlaces:
    """Project views whose URLs have variables that the pages do not take."""

    @pytest.fixture
    def project(self, settings):
        settings.LOGIN_URL = "login"
        settings.ROOT_URLCONF = (
            path("<slug:tenant>/devices/", include("refresh_sessions.urls_pages")),
            path("<slug:tenant>/tabs/<str:tab>/", pages.SessionListView.as_view()),
            path("plain/<str:tab>/", pages.SessionListView.as_view()),
            path("accounts/", include("django.contrib.auth.urls")),
        )

    def test_view_with_extra_variable_links_to_the_pages(self, project, user_client, user):
        session = make_pair(user).session
        page = Page(user_client.get("/acme/tabs/security/").text)
        (link,) = page.all("a")
        assert link.attrs["href"] == f"/acme/devices/{session.pk}/rename/"

    def test_view_outside_of_a_plain_mount_links_to_the_pages(self, settings, user_client, user):
        settings.ROOT_URLCONF = (
            path("devices/", include("refresh_sessions.urls_pages")),
            path("<slug:tenant>/where/", pages.SessionListView.as_view()),
        )
        session = make_pair(user).session
        (link,) = Page(user_client.get("/acme/where/").text).all("a")
        assert link.attrs["href"] == f"/devices/{session.pk}/rename/"

    def test_view_in_the_namespace_of_a_mount_links_to_the_pages(
        self, settings, user_client, user
    ):
        shop = [
            path("devices/", include("refresh_sessions.urls_pages")),
            path("where/", pages.SessionListView.as_view()),
        ]
        settings.ROOT_URLCONF = (path("<slug:tenant>/", include((shop, "shop"))),)
        session = make_pair(user).session
        (link,) = Page(user_client.get("/acme/where/").text).all("a")
        assert link.attrs["href"] == f"/acme/devices/{session.pk}/rename/"

    def test_page_without_mounted_urls_raises_no_reverse_match(self, settings, user_client, user):
        settings.ROOT_URLCONF = (path("<slug:tenant>/", pages.SessionListView.as_view()),)
        with pytest.raises(NoReverseMatch, match="refresh_sessions_pages"):
            user_client.get("/acme/")

    def test_template_without_request_links_to_a_plain_mount(self, settings, user):
        settings.ROOT_URLCONF = (path("devices/", include("refresh_sessions.urls_pages")),)
        template = Template(
            "{% load refresh_sessions %}{% device_page_url 'session-end' session_id=key %}"
        )
        session = make_pair(user).session
        html = template.render(Context({"key": session.pk}))
        assert html == f"/devices/{session.pk}/end/"

    def test_view_subclass_with_old_handler_signature_answers(self, settings, user_client, client):
        """Handlers without further arguments and variables, as earlier documentation showed."""

        class Devices(pages.SessionListView):
            def get(self, request):
                return super().get(request)

        class Sessions(views.SessionListView):
            def get(self, request):
                return super().get(request)

        mounted = [path("", Devices.as_view(), name="session-list"), *urls_pages.urlpatterns[1:]]
        settings.ROOT_URLCONF = (
            path("devices/", include((mounted, urls_pages.app_name))),
            path("sessions/", Sessions.as_view()),
        )
        assert user_client.get("/devices/").status_code == 200
        access = make_pair().access
        headers = {"authorization": f"Bearer {access}"}
        assert client.get("/sessions/", headers=headers).status_code == 200
