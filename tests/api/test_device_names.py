"""Each way to store the name of a session strips control characters."""

import pytest
from rest_framework import serializers

from refresh_sessions.models import DeviceSession
from tests.domain.client_actions import session_of
from tests.factories import make_pair
from tests.pages.browser import LIST, Browser

pytestmark = pytest.mark.django_db

RAW = "Kit\nchen\u202e \x1b[31mred\u2028\x85"
CLEAN = "Kit chen   [31mred"


class Plain(serializers.ModelSerializer):
    """A serializer of a project without control over characters."""

    class Meta:
        model = DeviceSession
        fields = ("id", "name")


@pytest.fixture(params=["", f"{__name__}.Plain"], ids=["ours", "of the project"])
def _serializer(request, options):
    if request.param:
        options(SESSION_SERIALIZER=request.param)


@pytest.mark.usefixtures("_serializer")
def test_session_rename_strips_control_characters(api, pair):
    answer = api.patch(f"sessions/{pair.session.pk}/", {"name": RAW}, access=pair.access)
    assert answer.json()["name"] == CLEAN
    assert session_of(pair).name == CLEAN


def test_login_strips_control_characters_of_device_name(login):
    assert login(device_name=RAW)["session"]["name"] == CLEAN


def test_started_session_name_has_no_control_characters(user):
    assert session_of(make_pair(user, name=RAW)).name == CLEAN


def test_page_rename_strips_control_characters(user, pair, settings):
    settings.LOGIN_URL = "login"
    browser = Browser().login(user)
    browser.client.post(f"{LIST}{pair.session.pk}/rename/", {"name": RAW})
    assert session_of(pair).name == CLEAN


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.save(),
        lambda session: session.save(update_fields=["name", "user_agent"]),
        lambda session: DeviceSession.objects.filter(pk=session.pk).update(
            name=RAW, user_agent=RAW
        ),
        lambda session: DeviceSession.objects.bulk_update([session], ["name", "user_agent"]),
    ],
    ids=["save", "save fields", "update", "bulk update"],
)
def test_project_code_stores_no_control_characters(pair, write):
    session = session_of(pair)
    session.name = session.user_agent = RAW
    write(session)
    stored = session_of(pair)
    assert (stored.name, stored.user_agent) == (CLEAN, CLEAN)


def test_device_name_keeps_joiners_of_all_scripts(api, pair):
    name = "گوشی\u200cمن 👩\u200d💻 Büro"
    answer = api.patch(f"sessions/{pair.session.pk}/", {"name": name}, access=pair.access)
    assert answer.json()["name"] == name


def test_device_name_of_control_characters_alone_is_empty(api, pair):
    answer = api.patch(f"sessions/{pair.session.pk}/", {"name": "\u202e\x1b"}, access=pair.access)
    assert answer.json()["name"] == ""
