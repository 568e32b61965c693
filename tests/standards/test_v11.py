"""ASVS V11, cryptography: the keys, and how they change."""

import pytest
from django.core.management.utils import get_random_secret_key
from django.test import override_settings

from refresh_sessions.sessions import refresh_session
from tests.domain.stories import call
from tests.factories import make_pair
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db


@passes(
    "ASVS 11.2.2",
    "A key is replaced without signing anybody out: the new one signs, the old one verifies until "
    "it is taken away.",
)
def test_asvs_11_2_2_keys_can_be_replaced(settings, user, clock):
    old = make_pair(user)
    new_key = get_random_secret_key()
    with override_settings(SECRET_KEY=new_key, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert call(old) == "ok"
        new = refresh_session(old.refresh)
        assert parts(new.access)[0]["kid"] != parts(old.access)[0]["kid"]
        assert parts(new.refresh)[0]["kid"] != parts(old.refresh)[0]["kid"]
    with override_settings(SECRET_KEY=new_key):
        assert call(old) == "token_not_valid"
        assert call(new) == "ok"
