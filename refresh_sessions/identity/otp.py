"""One-time codes: an authentication method for the devices of django-otp.

Supports TOTP, backup codes and YubiKeys. Needs the extra ``otp`` and the apps of django-otp in
``INSTALLED_APPS``, but neither its middleware nor its forms.
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

    The field ``otp_device`` may select a device with its ``persistent_id``. Otherwise all devices
    are tried. Each device applies its own throttling and consumes its codes. A failure counts for
    the devices only if none of them accepts the code. Devices with a challenge, such as codes by
    email, are not supported.
    """

    name = "otp"
    amr = "otp"
    label = _("One-time code")
    second_factor = True

    def is_available(self, user: AbstractBaseUser) -> bool:
        """Whether the user has a confirmed device."""
        return any(True for _ in self.devices(user))

    @sensitive_variables()
    def verify(
        self, user: AbstractBaseUser, data: Mapping[str, Any], request: HttpRequest | None
    ) -> bool:
        """Check the code against the devices, with their rows locked.

        Raises:
            DatabaseBusyError: every attempt failed with a transient database error.

        """
        code, device_id = hide(data[self.field]), data.get("otp_device")
        if not isinstance(code, str) or len(code) > MAX_CODE_LENGTH or not code.isprintable():
            return False
        using = router.db_for_write(get_user_model())
        attempt = partial(self._verify_code, user, hide("".join(code.split())), device_id, using)
        # Under strict isolation the database aborts one of two concurrent checks.
        return retry_transient(using, attempt)

    @sensitive_variables()
    def _verify_code(
        self, user: AbstractBaseUser, code: str, device_id: object, using: str
    ) -> bool:
        with transaction.atomic(using=using):
            failed = []
            for device in self.devices(user, for_verify=True):
                if device_id is None or device_id == device.persistent_id:
                    if _device_accepts(device, code, using):
                        return True
                    failed.append(device)
            for device in failed:
                device.save(using=using)
        return False

    def find_problems(self) -> Iterator[tuple[str, str]]:
        """Missing apps of django-otp: without a device model, logins need no second factor."""
        if find_spec("django_otp") is None:
            yield "django-otp is not installed.", _INSTALL
            return
        from django_otp import device_classes  # noqa: PLC0415

        if next(iter(device_classes()), None) is None:
            yield (
                "INSTALLED_APPS has no devices of django-otp, so no login asks for a code.",
                "Add 'django_otp' and 'django_otp.plugins.otp_totp', then migrate.",
            )

    def devices(self, user: AbstractBaseUser, *, for_verify: bool = False) -> Iterable[Any]:
        """The confirmed devices of a user that need no challenge."""
        try:
            from django_otp import devices_for_user  # noqa: PLC0415
        except ImportError as error:
            raise SettingsError(f"OneTimePasswordMethod needs django-otp. {_INSTALL}") from error
        for device in devices_for_user(user, for_verify=for_verify):
            if not device.is_interactive():
                yield device


@sensitive_variables()
def _device_accepts(device: Any, code: str, using: str) -> bool:
    """Whether a device accepts the code; the writes of a failure are rolled back.

    The object keeps the failure for the caller to save. Otherwise each code of one device would
    count as a failure of the others.
    """
    with transaction.atomic(using=using):
        accepted: bool = device.verify_token(code)
        if not accepted:
            transaction.set_rollback(True, using=using)
    return accepted
