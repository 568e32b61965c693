"""The check of ``USER_ID_FIELD``, with user models for each kind of field."""

import pytest
from django.contrib.auth import get_user_model
from django.db import models
from django.test.utils import isolate_apps

from refresh_sessions.checks import check_deployment, check_settings, errors


class TestUserIdField:
    """User models with one field of each kind."""

    @pytest.fixture
    def check(self, settings, monkeypatch):
        with isolate_apps():

            class Owner(models.Model):  # noqa: DJ008  (never displayed)
                class Meta:
                    app_label = "people"

            class Account(models.Model):  # noqa: DJ008
                public_id = models.UUIDField(unique=True)
                maybe = models.UUIDField(unique=True, null=True)
                number = models.IntegerField()
                number_of_living = models.IntegerField()
                half = models.IntegerField()
                owner = models.OneToOneField(Owner, models.CASCADE)

                class Meta:
                    app_label = "people"
                    constraints = (
                        models.UniqueConstraint(fields=["number"], name="number"),
                        models.UniqueConstraint(
                            fields=["number_of_living"],
                            condition=models.Q(number__gt=0),
                            name="of_living",
                        ),
                        models.UniqueConstraint(fields=["half", "number"], name="half"),
                    )

        monkeypatch.setattr(errors, "get_user_model", lambda: Account)

        def check(name):
            settings.REFRESH_SESSIONS = {"USER_ID_FIELD": name}
            return [
                str(message.id).removeprefix("refresh_sessions.") for message in check_settings()
            ]

        return check

    @pytest.mark.parametrize("name", ["pk", "id", "public_id", "number", "owner_id"])
    def test_unique_user_id_field_is_not_reported(self, check, name):
        assert check(name) == []

    @pytest.mark.parametrize("name", ["owner", "missing", ""])
    def test_user_id_field_without_plain_column_is_reported(self, check, name):
        assert check(name) == ["E007"]

    @pytest.mark.parametrize("name", ["maybe", "number_of_living", "half"])
    def test_non_unique_user_id_field_is_reported(self, check, name):
        assert check(name) == ["E008"]

    def test_email_as_user_id_field_is_warned_about(self, settings, monkeypatch):
        model = get_user_model()
        monkeypatch.setattr(model, "USERNAME_FIELD", "number")
        settings.REFRESH_SESSIONS = {"USER_ID_FIELD": "email"}
        warned = [message.id for message in check_deployment()]
        assert warned == ["refresh_sessions.W016"]
