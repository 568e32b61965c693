"""``UserSessionsMixin`` in an admin of users."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.urls import include, path, reverse
from django.utils.functional import SimpleLazyObject

from refresh_sessions.admin import DeviceSessionAdmin, UserSessionsMixin
from refresh_sessions.admin.links import user_url
from refresh_sessions.lazy_users import LazyUser
from refresh_sessions.models import DeviceSession
from refresh_sessions.signals import session_revoked
from refresh_sessions.users import is_active
from tests.admin.pages import messages_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.refusals import refuse_by_manager, set_refused

User = get_user_model()


class Plain(UserSessionsMixin, admin.ModelAdmin):
    """An admin without fieldsets."""


class WithFieldsets(UserSessionsMixin, admin.ModelAdmin):
    fieldsets = ((None, {"fields": (User.USERNAME_FIELD,)}),)
    readonly_fields = (User.USERNAME_FIELD,)


class DjangoUserAdmin(UserSessionsMixin, UserAdmin):
    """Django's admin of users, with its add page and a style sheet of the project."""

    class Media:
        css = {"all": ("project.css",)}  # noqa: RUF012 - Django's own form


@pytest.mark.parametrize("kind", [Plain, WithFieldsets, DjangoUserAdmin])
def test_user_admin_media_include_button_style(kind):
    styles = str(kind(User, admin.site).media)
    assert "refresh_sessions/admin/users.css" in styles
    assert ("project.css" in styles) == (kind is DjangoUserAdmin)


def urls_of(kind):
    site = admin.AdminSite(name="admin")
    site.register(User, kind)
    site.register(DeviceSession, DeviceSessionAdmin)
    return (path("admin/", site.urls), path("auth/", include("refresh_sessions.urls")))


class Urls:
    """A URLconf module, as Django reads one."""

    def __init__(self, kind):
        self.urlpatterns = urls_of(kind)


KINDS = [Plain, WithFieldsets, *([DjangoUserAdmin] if hasattr(User, "username") else [])]


@pytest.fixture(params=KINDS, autouse=True)
def _user_admin(request, settings):
    settings.ROOT_URLCONF = Urls(request.param)


def user_page(user, page="change"):
    return reverse(f"admin:{User._meta.app_label}_{User._meta.model_name}_{page}", args=[user.pk])


@pytest.fixture
def staff_with(db):
    def make(*codenames):
        staff = UserFactory.create(is_staff=True)
        of_users = [f"{verb}_{User._meta.model_name}" for verb in ("view", "change")]
        wanted = Permission.objects.filter(codename__in=[*codenames, *of_users])
        staff.user_permissions.set(wanted)
        return staff

    return make


@pytest.fixture
def client_of(staff_with, pages_of):
    return lambda *codenames: pages_of(staff_with(*codenames)).client


def test_user_page_counts_live_sessions_with_link_to_all(superuser, pages_of, user, make_session):
    for status in ("live", "live", "expired", "revoked"):
        make_session(user, status)
    make_session()
    client = pages_of(superuser).client
    page = client.get(user_page(user)).text
    assert page.count("on 2 devices") == 1
    address = f"/admin/refresh_sessions/devicesession/?user__exact={user.pk}"
    assert f'href="{address}"' in page
    assert client.get(address).context["cl"].result_count == 4


def test_user_page_without_sessions_says_no_device(superuser, pages_of, user):
    assert "on no device" in pages_of(superuser).client.get(user_page(user)).text


def test_user_page_viewer_has_no_button(client_of, user, make_session):
    make_session(user)
    page = client_of("view_devicesession").get(user_page(user))
    assert page.status_code == 200
    assert "on 1 device" in page.text
    assert "sign-out" not in page.text


@pytest.mark.parametrize("codenames", [(), ("revoke_devicesession",)])
def test_user_page_without_view_permission_hides_sessions(
    client_of, user, make_session, codenames
):
    make_session(user)
    page = client_of(*codenames).get(user_page(user))
    assert page.status_code == 200
    for text in ("on 1 device", "sign-out", "All sessions of this user"):
        assert text not in page.text


def test_user_page_button_confirmed_revokes_all_sessions_of_user(
    staff_with, pages_of, user, make_session
):
    staff = staff_with("view_devicesession", "revoke_devicesession")
    ended = [make_session(user), make_session(user)]
    spared = make_session()
    pages = pages_of(staff)
    address = pages.sign_out_url(user)
    assert f'href="{address}"' in pages.client.get(user_page(user)).text
    question = pages.client.get(address)
    assert f"Are you sure you want to sign {user} out everywhere?" in question.text
    assert "2 sessions" in question.text
    assert DeviceSession.objects.active().count() == 3
    response = pages.confirm(question)
    assert messages_of(response) == ["2 sessions were revoked."]
    assert response.url == user_page(user)
    assert DeviceSession.objects.active().get() == spared
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {
        str(session.pk) for session in ended
    }


def test_sign_out_user_hidden_by_default_manager_revokes_sessions(
    pages, user, make_session, settings, options, monkeypatch
):
    session = make_session(user)
    refuse_by_manager(settings, options, monkeypatch)
    set_refused(user)
    pages.confirm(pages.client.get(pages.sign_out_url(user)))
    session.refresh_from_db()
    assert session.revoked_reason == "admin"


def test_user_page_mentions_session_cookie(superuser, pages_of, user, make_session):
    make_session(user)
    pages = pages_of(superuser)
    assert "session cookie" in pages.client.get(user_page(user)).text
    assert "session cookie" in pages.client.get(pages.sign_out_url(user)).text


def test_sign_out_own_sessions_keeps_admin_login(staff_with, pages_of, make_session):
    staff = staff_with("view_devicesession", "revoke_devicesession")
    make_session(staff)
    pages = pages_of(staff)
    response = pages.confirm(pages.client.get(pages.sign_out_url(staff)))
    assert not DeviceSession.objects.active().exists()
    assert pages.client.get(response.url).status_code == 200


@pytest.mark.parametrize("codenames", [(), ("view_devicesession",), ("revoke_devicesession",)])
@pytest.mark.parametrize("method", ["get", "post"])
def test_sign_out_url_without_both_permissions_is_refused(
    client_of, pages, user, make_session, codenames, method
):
    make_session(user)
    response = getattr(client_of(*codenames), method)(pages.sign_out_url(user), {"post": "yes"})
    assert response.status_code == 403
    assert DeviceSession.objects.active().exists()


def test_sign_out_post_without_confirmation_shows_confirmation(pages, user, make_session):
    make_session(user)
    assert "Yes, revoke" in pages.client.post(pages.sign_out_url(user)).text
    assert DeviceSession.objects.active().exists()


def test_sign_out_without_live_sessions_redirects(pages, user, make_session):
    make_session(user, "revoked")
    response = pages.client.get(pages.sign_out_url(user))
    assert response.status_code == 302
    assert messages_of(response) == ["There was no live session to revoke."]


def test_sign_out_unknown_user_is_not_found(pages, user, make_session):
    address = pages.sign_out_url(user)
    for other in ("0", "nobody"):
        assert pages.client.get(address.replace(f"/{user.pk}/", f"/{other}/")).status_code == 404


def test_sign_out_invisible_user_without_sessions_is_not_found(pages, user, pages_of, superuser):
    """Otherwise the status would tell which users exist."""
    for method in (pages.client.get, pages.client.post):
        assert method(pages.sign_out_url(user)).status_code == 404
    assert pages_of(superuser).client.get(pages.sign_out_url(user)).status_code == 302


def test_user_add_page_has_no_sessions(superuser, pages_of):
    opts = User._meta
    page = pages_of(superuser).client.get(reverse(f"admin:{opts.app_label}_{opts.model_name}_add"))
    assert page.status_code in {200, 403}
    assert "refresh_sessions" not in page.text.partition("content-main")[2]


def test_user_page_site_without_sessions_hides_field(rf, superuser, user):
    site = admin.AdminSite()
    request = rf.get("/")
    request.user = superuser
    assert "signed_in_devices" not in Plain(User, site).get_readonly_fields(request, user)


def test_user_page_foreign_session_admin_has_no_button(staff_with, client, settings, make_session):
    site = admin.AdminSite(name="admin")
    site.register(User, Plain)
    site.register(DeviceSession, admin.ModelAdmin)
    settings.ROOT_URLCONF = Urls(Plain)
    settings.ROOT_URLCONF.urlpatterns = (path("admin/", site.urls),)
    user = make_session().user
    client.force_login(staff_with("view_devicesession", "revoke_devicesession"))
    page = client.get(user_page(user)).text
    assert "on 1 device" in page
    assert "Sign out everywhere" not in page


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": make_password("by SQL")}])
def test_user_page_locked_out_sessions_are_not_counted(superuser, pages_of, user, change):
    make_pair(user)
    User.objects.filter(pk=user.pk).update(**change)
    assert "on no device" in pages_of(superuser).client.get(user_page(user)).text


@pytest.mark.parametrize("_user_admin", [Plain, DjangoUserAdmin], indirect=True)
@pytest.mark.skipif(not hasattr(User, "username"), reason="Django's form of its own model")
def test_user_deactivation_in_admin_revokes_sessions(
    superuser, pages_of, user, django_capture_on_commit_callbacks
):
    pair = make_pair(user)
    client = pages_of(superuser).client
    form = client.get(user_page(user)).context["adminform"].form
    fields = {
        name: value
        for name, value in form.initial.items()
        if value is not None and name in form.fields and name != "is_active"
    }
    fields |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    with heard(session_revoked) as announced, django_capture_on_commit_callbacks(execute=True):
        answer = client.post(user_page(user), fields)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    session = DeviceSession.objects.get(pk=pair.session.pk)
    assert session.revoked_reason == "user_inactive"
    assert [one["session"].pk for one in announced] == [session.pk]


def test_user_url_of_lazy_user_equals_url_of_user(superuser, user, rf):
    request = rf.get("/")
    request.user = superuser
    site = admin.AdminSite(name="admin")
    site.register(User, Plain)
    sessions = DeviceSessionAdmin(DeviceSession, site)
    page = user_url(sessions, request, user)
    assert page == user_page(user)
    for lazy in (
        SimpleLazyObject(lambda: user),
        LazyUser(User, user.pk, using="default", accepts=is_active),
    ):
        assert user_url(sessions, request, lazy) == page
