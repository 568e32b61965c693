"""A user model with a column of each type that cannot hold all texts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, password: str | None = None, **fields: Any) -> Account:
        account = self.model(**fields)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser):
    badge = models.BigIntegerField(unique=True)
    desk = models.SmallIntegerField(unique=True)
    code = models.UUIDField(unique=True)
    rank = models.DecimalField(unique=True, max_digits=8, decimal_places=2)
    address = models.GenericIPAddressField(unique=True)
    hired = models.DateField(unique=True)
    nickname = models.CharField(unique=True, max_length=40)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=True)

    objects: ClassVar[AccountManager] = AccountManager()

    # The tests set each of the columns above in turn.
    USERNAME_FIELD = "badge"

    def __str__(self) -> str:
        return f"Account {self.pk}"

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_staff

    def has_perms(self, perms: object, obj: object = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff
