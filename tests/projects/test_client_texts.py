"""Text that clients write, in databases that fold or hold it in ways of their own."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.urls import reverse

from refresh_sessions import charsets
from refresh_sessions.checks import check_databases
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.models.fields import fold
from tests.factories import PASSWORD, make_pair

pytestmark = pytest.mark.django_db

NAMES = [
    "İ" * 128,
    "ß" * 128,
    "ΣΊΣΥΦΟΣ",
    "📱" * 128,
    "\N{LATIN CAPITAL LETTER SHARP S}" * 128,
    "ﬃ",
]


@pytest.mark.parametrize("name", NAMES)
class TestNames:
    def login(self, client, user, name):
        body = {"username": user.get_username(), "password": PASSWORD, "device_name": name}
        return client.post("/auth/login/", body, format="json")

    def test_login_with_a_name_that_folding_changes_stores_it(self, client, user, name):
        answer = self.login(client, user, name)
        assert answer.status_code == 200
        session = DeviceSession.objects.get()
        assert session.name == name

    def test_rename_to_a_name_that_folding_changes_stores_it(self, client, user, name, bearer):
        pair = make_pair(user)
        path = f"/auth/sessions/{pair.session.pk}/"
        answer = client.patch(path, {"name": name}, format="json", headers=bearer(pair))
        assert answer.status_code == 200
        assert DeviceSession.objects.get().name_folded == fold(name)

    def test_admin_finds_the_name_in_capitals_and_in_small_letters(self, admin_client, name):
        make_pair(name=name)
        path = reverse("admin:refresh_sessions_devicesession_changelist")
        for spelling in (name, name.lower(), name[:3]):
            answer = admin_client.get(path, {"q": spelling})
            assert answer.context["cl"].result_count == 1


class TestFoldedName:
    """Whichever way a name is written."""

    @pytest.fixture
    def session(self, user):
        return make_pair(user, name="Küche").session

    def folded(self):
        return DeviceSession.objects.values_list("name_folded", flat=True).get()

    def test_save_of_the_name_alone_takes_the_folded_name_along(self, session):
        session.name = "BÜRO"
        session.save(update_fields=["name"])
        assert self.folded() == "büro"

    def test_save_of_a_session_read_without_the_folded_name_takes_it_along(self, session):
        read = DeviceSession.objects.defer("name_folded").get()
        read.name = "BÜRO"
        read.save()
        assert self.folded() == "büro"

    def test_save_of_a_session_read_without_its_name_keeps_both(self, session):
        DeviceSession.objects.defer("name").get().save()
        assert self.folded() == "küche"

    @pytest.mark.parametrize("by", ["text", "expression"])
    def test_update_takes_the_folded_name_along(self, session, by):
        name = "BARN 2" if by == "text" else Concat(Value("BARN"), Value(" 2"))
        DeviceSession.objects.update(name=name)
        assert self.folded() == "barn 2"

    def test_update_of_other_fields_leaves_the_folded_name(self, session):
        DeviceSession.objects.update(user_agent=F("user_agent"))
        assert self.folded() == "küche"

    def test_bulk_writes_take_the_folded_name_along(self, session):
        session.name = "BÜRO"
        DeviceSession.objects.bulk_update([session], ["name"])
        assert self.folded() == "büro"
        DeviceSession.objects.all().delete()
        DeviceSession.objects.bulk_create([session])
        assert self.folded() == "büro"


class TestAgents:
    @pytest.mark.parametrize("agent", ["İ" * 512, "\xff" * 600, "x" * 512 + "é"])
    def test_user_agent_of_any_letters_is_stored_everywhere(self, client, user, agent):
        body = {"username": user.get_username(), "password": PASSWORD}
        answer = client.post("/auth/login/", body, format="json", HTTP_USER_AGENT=agent)
        assert answer.status_code == 200
        assert DeviceSession.objects.get().user_agent == agent[:512]
        assert TokenFamily.objects.get().last_user_agent == agent[:512]


@pytest.mark.skipif(connection.vendor != "mysql", reason="has character sets of its own")
@pytest.mark.django_db(transaction=True)
class TestThreeByteColumns:
    """What a database is like that was made before utf8mb4 was its default."""

    COLUMNS = (
        ("refresh_sessions_devicesession", "name", 128),
        ("refresh_sessions_devicesession", "name_folded", 384),
        ("refresh_sessions_devicesession", "user_agent", 512),
        ("refresh_sessions_devicesession", "client_hints", 255),
        ("refresh_sessions_tokenfamily", "last_user_agent", 512),
    )

    @pytest.fixture(autouse=True)
    def _three_bytes(self, db):
        self.convert("utf8mb3")
        yield
        self.convert("utf8mb4")

    def convert(self, charset):
        charsets._cached_charsets.clear()
        with connection.cursor() as cursor:
            for table, column, length in self.COLUMNS:
                cursor.execute(
                    f"ALTER TABLE {table} MODIFY {column} varchar({length}) "
                    f"CHARACTER SET {charset} NOT NULL"
                )

    def test_login_and_rename_with_an_emoji_succeed(self, client, user, bearer):
        body = {"username": user.get_username(), "password": PASSWORD, "device_name": "My 📱 手"}
        answer = client.post("/auth/login/", body, format="json", HTTP_USER_AGENT="Shop 📱")
        assert answer.status_code == 200
        session = DeviceSession.objects.get()
        assert session.name == "My \ufffd 手"
        path = f"/auth/sessions/{session.pk}/"
        headers = bearer(answer.data["access"])
        assert (
            client.patch(path, {"name": "📱"}, format="json", headers=headers).status_code == 200
        )
        assert DeviceSession.objects.get().name == "\ufffd"
        refresh = {"refresh": answer.data["refresh"]}
        assert client.post("/auth/refresh/", refresh, format="json").status_code == 200

    def test_event_details_hold_all_characters(self, pair):
        details = {"user_agent": "Shop 📱"}
        SessionEvent.objects.update(details=details)
        assert SessionEvent.objects.first().details == details

    def test_check_that_may_ask_the_database_names_the_remedy(self):
        assert check_databases(databases=None) == []
        (message,) = check_databases(databases=["default"])
        assert message.id == "refresh_sessions.W025"
        assert "utf8mb4" in message.hint
