"""Concurrent registrations of device keys, and registrations beside refreshes."""

from functools import partial
from threading import Barrier, get_ident

import pytest
from django.test import RequestFactory

from refresh_sessions.binding.dbsc import format_registration
from refresh_sessions.exceptions import InvalidDeviceProofError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import device_binding, refresh_session, register_device_key
from refresh_sessions.tokens import refresh_tokens
from tests.device_bound.browser import make_proof, read_registration
from tests.factories import make_pair
from tests.races.runner import LONGEST_WAIT, scaled, thread_pool, with_random_delay

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db(transaction=True)

KEYS = 4


@pytest.fixture(autouse=True)
def _device_bound_sessions(options):
    options(TRANSPORT="cookie", DEVICE_BOUND_SESSIONS=True)


def registration(pair, which):
    """Return a call that registers a key of this number."""
    header = format_registration("/auth/device/register/", pair.family.pk)
    proof = make_proof(read_registration(header)["challenge"], which=which)
    request = RequestFactory().post("/", headers={"Secure-Session-Response": proof})
    claims = refresh_tokens.verify(pair.refresh)
    return partial(register_device_key, claims, request=request)


class TestDeviceKeys:
    def test_concurrent_registrations_of_keys_bind_one(self, monkeypatch, statistics):
        """Each thread reads the unbound family before any thread writes."""
        barrier, require = Barrier(KEYS), device_binding._require_usable
        waited = set()

        def wait(*args):
            require(*args)
            # Once: a serialization failure repeats the attempt.
            if get_ident() not in waited:
                waited.add(get_ident())
                barrier.wait(LONGEST_WAIT)

        monkeypatch.setattr(device_binding, "_require_usable", wait)
        with thread_pool(KEYS) as race:
            for _ in range(scaled(3, 20)):
                pair = make_pair()
                waited.clear()
                answers = race([registration(pair, which) for which in range(KEYS)])
                bound = [answer for answer in answers if isinstance(answer, TokenFamily)]
                refused = [answer for answer in answers if isinstance(answer, Exception)]
                assert {type(error) for error in refused} == {InvalidDeviceProofError}
                assert (len(bound), len(refused)) == (1, KEYS - 1)
                family = TokenFamily.objects.get(pk=pair.family.pk)
                assert family.key_thumbprint == bound[0].key_thumbprint
                assert family.public_key == bound[0].public_key
                statistics.add(answers, live=1)

    def test_registration_beside_refreshes_keeps_both(self, statistics):
        with thread_pool(KEYS) as race:
            for _ in range(scaled(5, 30)):
                pair = make_pair()
                refreshes = [partial(refresh_session, pair.refresh)] * (KEYS - 1)
                calls = [registration(pair, 0), *refreshes]
                answers = race([with_random_delay(call) for call in calls])
                assert isinstance(answers[0], TokenFamily), answers[0]
                # No refresh had the bound cookie, so none has bound the family.
                assert not [one for one in answers[1:] if isinstance(one, Exception)]
                family = TokenFamily.objects.get(pk=pair.family.pk)
                assert (family.binding, family.generation) == ("", 2)
                assert family.public_key
                assert DeviceSession.objects.active().filter(pk=pair.session.pk).exists()
                statistics.add(answers, live=1)
