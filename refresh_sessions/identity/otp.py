"""Codes of django-otp's devices (TOTP, backup codes, YubiKeys) as a method.

Needs the extra ``otp``, and nothing of django-otp but its apps in ``INSTALLED_APPS``: neither its
middleware nor its forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.database import retry_transient
from refresh_sessions.exceptions import SettingsError
from refresh_sessions.identity.methods import AuthenticationMethod
from refresh_sessions.redaction import hide

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

MAX_CODE_LENGTH: Final = 128

_INSTALL: Final = "Install it with: pip install 'django-refresh-sessions[otp]'"


class OneTimePasswordMethod(AuthenticationMethod):
    """A code from one of the user's confirmed devices, in the field ``otp``.

    ``otp_device`` may say which device (its ``persistent_id``); without it each one is tried. Each
    keeps to its own throttling, and uses its codes up; a failure counts for a device only if no
    other knew the code. Devices that send a challenge first (by mail) are left out.
    """

    name = "otp"
    amr = "otp"
    label = _("One-time code")
    second_factor = True

    def is_available(self, user: AbstractBaseUser) -> bool:
        """Whether a device is confirmed."""
        return any(True for _ in self.devices(user))

    @sensitive_variables()
    def verify(
        self, user: AbstractBaseUser, data: Mapping[str, Any], request: HttpRequest | None
    ) -> bool:
        """Have the devices check the code, with their rows locked.

        Raises:
            DatabaseBusyError: the database gave no answer in several tries.

        """
        code, wanted = hide(data[self.field]), data.get("otp_device")
        if not isinstance(code, str) or len(code) > MAX_CODE_LENGTH or not code.isprintable():
            return False
        using = router.db_for_write(get_user_model())
        asked = partial(self._verify_code, user, hide("".join(code.split())), wanted, using)
        # Under strict isolation the database refuses whoever comes with a code at the same time.
        return retry_transient(using, asked)

    @sensitive_variables()
    def _verify_code(self, user: AbstractBaseUser, code: str, wanted: object, using: str) -> bool:
        with transaction.atomic(using=using):
            failed = []
            for device in self.devices(user, for_verify=True):
                if wanted is None or wanted == device.persistent_id:
                    if _device_accepts(device, code, using):
                        return True
                    failed.append(device)
            for device in failed:
                device.save(using=using)
        return False

    def find_problems(self) -> Iterator[tuple[str, str]]:
        """Without a model of devices nobody has one: all sign in by password alone, unasked."""
        if find_spec("django_otp") is None:
            yield "django-otp is not installed.", _INSTALL
            return
        from django_otp import device_classes  # noqa: PLC0415

        if next(iter(device_classes()), None) is None:
            yield (
                "INSTALLED_APPS has none of django-otp's devices, so nobody is asked for a code.",
                "Add 'django_otp' and 'django_otp.plugins.otp_totp', then migrate.",
            )

    def devices(self, user: AbstractBaseUser, *, for_verify: bool = False) -> Iterable[Any]:
        """The confirmed devices that need no challenge."""
        try:
            from django_otp import devices_for_user  # noqa: PLC0415
        except ImportError as error:
            raise SettingsError(f"OneTimePasswordMethod needs django-otp. {_INSTALL}") from error
        for device in devices_for_user(user, for_verify=for_verify):
            if not device.is_interactive():
                yield device


@sensitive_variables()
def _device_accepts(device: Any, code: str, using: str) -> bool:
    """Ask a device, and write only what a success changes.

    The failure stays in the object: it is for the caller to save, or each code of one device
    would bring the others nearer to being locked.
    """
    with transaction.atomic(using=using):
        known: bool = device.verify_token(code)
        if not known:
            transaction.set_rollback(True, using=using)
    return known
