"""A user model with two parents, which store the columns of the account.

The first parent gives the user its primary key. The other parent stores the password, under its
own key.
"""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Contact(models.Model):
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"contact {self.pk}"


class Account(AbstractBaseUser):
    number = models.BigIntegerField(primary_key=True)
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email


class MemberManager(BaseUserManager["Member"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Member:
        # The keys of a member differ between both tables.
        fields.setdefault("number", 10**6 + secrets.randbelow(10**12))
        member = self.model(email=self.normalize_email(email), **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Member:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Member(Contact, Account, PermissionsMixin):
    objects: ClassVar[MemberManager] = MemberManager()
