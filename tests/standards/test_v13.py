"""ASVS V13, configuration: secrets and where they are shown."""

import pytest
from django.apps import apps
from django.core import signing

from refresh_sessions.conf import Settings
from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.sessions import log_in
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.factories import make_pair
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db

SALT = "refresh_sessions.sign_in_ticket"


@passes(
    "ASVS 13.3.1",
    "No secret is built in: keys are derived from the project's keys and never shown, and the "
    "database holds only digests.",
)
def test_asvs_13_3_1_secrets_are_derived_from_project_keys_never_shown(settings, options, ada):
    keys = [get_keyring(purpose).signing for purpose in Purpose]
    settings.SECRET_KEY = f"{settings.SECRET_KEY}-of-another-project"
    others = [get_keyring(purpose).signing for purpose in Purpose]
    assert len({key.secret for key in (*keys, *others)}) == 2 * len(Purpose)
    pair = make_pair()
    secrets = [str(key.secret) for key in others]
    secrets += [settings.SECRET_KEY, pair.access, pair.refresh, parts(pair.refresh)[1]["secret"]]
    options(SECOND_FACTORS=("tests.factors.Code",))
    with pytest.raises(SecondFactorRequiredError) as raised:
        log_in(ada)
    secrets += [raised.value.ticket, signing.loads(raised.value.ticket, salt=SALT)["secret"]]
    models = list(apps.get_app_config("refresh_sessions").get_models())
    stored = [list(model._default_manager.values()) for model in models]
    assert len([rows for rows in stored if rows]) >= 4
    shown = f"{others!r} {get_keyring(Purpose.ACCESS)!r} {pair!r} {Settings()!r} {stored!r}"
    assert not [secret for secret in secrets if secret in shown]
