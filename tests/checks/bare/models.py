"""A user model that does not inherit from Django's base class."""

from typing import ClassVar

from django.db import models


class Account(models.Model):
    name = models.CharField(max_length=40, unique=True)

    USERNAME_FIELD = "name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_anonymous = False
    is_authenticated = True

    def __str__(self) -> str:
        return self.name
