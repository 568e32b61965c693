"""ASVS V13, configuration: where secrets are, and where not."""

import pytest

from refresh_sessions.conf import Settings
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.factories import make_pair
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db


@passes(
    "ASVS 13.3.1",
    "No secret is built in: keys come from the project's own, are never shown, and the database "
    "holds digests alone.",
)
def test_asvs_13_3_1_secrets_are_the_projects_and_stay_hidden(settings):
    keys = [get_keyring(purpose).signing for purpose in Purpose]
    settings.SECRET_KEY = f"{settings.SECRET_KEY}-of-another-project"
    others = [get_keyring(purpose).signing for purpose in Purpose]
    assert len({key.secret for key in (*keys, *others)}) == 4
    pair = make_pair()
    secrets = [str(key.secret) for key in others]
    secrets += [settings.SECRET_KEY, pair.access, pair.refresh, parts(pair.refresh)[1]["secret"]]
    stored = [list(model.objects.values()) for model in (DeviceSession, TokenFamily, SessionEvent)]
    shown = f"{others!r} {get_keyring(Purpose.ACCESS)!r} {pair!r} {Settings()!r} {stored!r}"
    assert not [secret for secret in secrets if secret in shown]
