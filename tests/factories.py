"""Users and sessions for tests."""

from typing import Any

import factory.django
from django.conf import settings
from django.contrib.auth import get_user_model
from factory.declarations import Sequence

from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import TokenPair, start_session
from refresh_sessions.tokens.refresh_tokens import RefreshClaims

PASSWORD = "correct horse battery staple"


class UserFactory(factory.django.DjangoModelFactory):
    """A user that can log in with ``PASSWORD``, for the user model of the run."""

    class Meta:
        model = settings.AUTH_USER_MODEL
        skip_postgeneration_save = True

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(*args, **kwargs)

    password = PASSWORD

    username = Sequence(lambda number: f"person{number}@example.org")

    @classmethod
    def _adjust_kwargs(cls, **kwargs):
        # Tests say "username"; the model may use another name.
        kwargs[get_user_model().USERNAME_FIELD] = kwargs.pop("username")
        return kwargs


def make_pair(user: Any = None, **options: Any) -> TokenPair:
    """Log a user in."""
    user = user or UserFactory()
    return start_session(user, **options)


def claims_of(family: TokenFamily) -> RefreshClaims:
    """The claims of the newest refresh token of a family, without the secret."""
    return RefreshClaims(
        session_id=family.session_id,
        family_id=family.pk,
        generation=family.generation,
        expires_at=family.idle_expires_at,
        secret="",
        token="",
    )
