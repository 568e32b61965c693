"""Who may list the endpoints of this package: whoever can also say what they take and give."""

from __future__ import annotations

from typing import Any

from rest_framework.schemas import DefaultSchema


class DescribedSchema(DefaultSchema):
    """The project's ``DEFAULT_SCHEMA_CLASS``, if it is drf-spectacular's or a subclass of that.

    Any other generator of schemas would ask views for serializers, and ours have none to show: it
    finds None, which keeps a view out.
    """

    def __get__(self, instance: Any, owner: Any) -> Any:
        inspector = super().__get__(instance, owner)
        # Not type(): what drf-spectacular puts there for one operation is a weak proxy.
        modules = (base.__module__ for base in inspector.__class__.__mro__)
        return inspector if "drf_spectacular.openapi" in modules else None
