"""``SessionAdminMixin`` in a project's own class and site."""

import pytest
from django.contrib import admin
from django.urls import include, path, reverse

from refresh_sessions.admin import SessionAdminMixin
from refresh_sessions.models import DeviceSession
from tests.admin.pages import hidden_fields


class Themed(admin.ModelAdmin):
    """Stand-alone model admin, as themes have one."""

    class Media:
        css = {"all": ("theme.css",)}  # noqa: RUF012 - Django's own form


class ThemedSessionAdmin(SessionAdminMixin, Themed):  # type: ignore[misc]  # Media joins both
    list_display = (*SessionAdminMixin.list_display, "id")


site = admin.AdminSite(name="backoffice")
site.register(DeviceSession, ThemedSessionAdmin)

urlpatterns = [
    path("backoffice/", site.urls),
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
]


@pytest.fixture(autouse=True)
def _urls(settings):
    settings.ROOT_URLCONF = __name__


def url(page, *args):
    return reverse(f"backoffice:refresh_sessions_devicesession_{page}", args=args)


def test_session_list_on_other_site_has_both_styles(superuser_client, make_session):
    session = make_session()
    page = superuser_client.get(url("changelist")).text
    assert "theme.css" in page
    assert "refresh_sessions/admin/base.css" in page
    assert str(session.pk) in page


def test_session_pages_on_other_site_link_to_that_site(superuser_client, make_session):
    session = make_session()
    page = superuser_client.get(url("change", session.pk)).text
    assert url("revoke", session.pk) in page
    question = superuser_client.get(url("revoke", session.pk))
    assert f'href="{url("changelist")}"' in question.text
    assert 'href="/admin/' not in question.text
    response = superuser_client.post(url("revoke", session.pk), hidden_fields(question))
    assert response.url == url("change", session.pk)
    assert not DeviceSession.objects.active().exists()


def test_session_delete_on_other_site_is_refused(superuser_client, make_session):
    session = make_session()
    answer = {"post": "yes"}
    assert superuser_client.post(url("delete", session.pk), answer).status_code == 403
    assert DeviceSession.objects.count() == 1
