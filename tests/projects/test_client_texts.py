"""Text from clients, in databases that fold or store it differently."""

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

    def test_login_with_name_changed_by_folding_stores_name(self, client, user, name):
        answer = self.login(client, user, name)
        assert answer.status_code == 200
        session = DeviceSession.objects.get()
        assert session.name == name

    def test_rename_to_name_changed_by_folding_stores_name(self, client, user, name, bearer):
        pair = make_pair(user)
        path = f"/auth/sessions/{pair.session.pk}/"
        answer = client.patch(path, {"name": name}, format="json", headers=bearer(pair))
        assert answer.status_code == 200
        assert DeviceSession.objects.get().name_folded == fold(name)

    def test_admin_search_for_name_ignores_case(self, admin_client, name):
        make_pair(name=name)
        path = reverse("admin:refresh_sessions_devicesession_changelist")
        for spelling in (name, name.lower(), name[:3]):
            answer = admin_client.get(path, {"q": spelling})
            assert answer.context["cl"].result_count == 1


class TestFoldedName:
    """The folded name follows each way to write the name."""

    @pytest.fixture
    def session(self, user):
        return make_pair(user, name="Küche").session

    def folded(self):
        return DeviceSession.objects.values_list("name_folded", flat=True).get()

    def test_save_of_name_alone_updates_folded_name(self, session):
        session.name = "BÜRO"
        session.save(update_fields=["name"])
        assert self.folded() == "büro"

    def test_save_with_deferred_folded_name_updates_folded_name(self, session):
        read = DeviceSession.objects.defer("name_folded").get()
        read.name = "BÜRO"
        read.save()
        assert self.folded() == "büro"

    def test_save_with_deferred_name_keeps_both_names(self, session):
        DeviceSession.objects.defer("name").get().save()
        assert self.folded() == "küche"

    @pytest.mark.parametrize("by", ["text", "expression"])
    def test_update_of_name_updates_folded_name(self, session, by):
        name = "BARN 2" if by == "text" else Concat(Value("BARN"), Value(" 2"))
        DeviceSession.objects.update(name=name)
        assert self.folded() == "barn 2"

    def test_update_of_other_fields_keeps_folded_name(self, session):
        DeviceSession.objects.update(user_agent=F("user_agent"))
        assert self.folded() == "küche"

    def test_bulk_write_of_name_updates_folded_name(self, session):
        session.name = "BÜRO"
        DeviceSession.objects.bulk_update([session], ["name"])
        assert self.folded() == "büro"
        DeviceSession.objects.all().delete()
        DeviceSession.objects.bulk_create([session])
        assert self.folded() == "büro"


class TestAgents:
    @pytest.mark.parametrize("agent", ["İ" * 512, "\xff" * 600, "x" * 512 + "é"])
    def test_user_agent_of_any_script_is_stored(self, client, user, agent):
        body = {"username": user.get_username(), "password": PASSWORD}
        answer = client.post("/auth/login/", body, format="json", HTTP_USER_AGENT=agent)
        assert answer.status_code == 200
        assert DeviceSession.objects.get().user_agent == agent[:512]
        assert TokenFamily.objects.get().last_user_agent == agent[:512]


@pytest.mark.skipif(connection.vendor != "mysql", reason="has character sets of its own")
@pytest.mark.django_db(transaction=True)
class TestThreeByteColumns:
    """A database created before utf8mb4 was its default."""

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

    def test_emoji_in_three_byte_columns_is_replaced(self, client, user, bearer):
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

    def test_event_details_in_three_byte_columns_keep_emoji(self, pair):
        details = {"user_agent": "Shop 📱"}
        SessionEvent.objects.update(details=details)
        assert SessionEvent.objects.first().details == details

    def test_charset_check_of_three_byte_columns_has_hint(self):
        assert check_databases(databases=None) == []
        (message,) = check_databases(databases=["default"])
        assert message.id == "refresh_sessions.W025"
        assert "utf8mb4" in message.hint
