"""For endpoints of OAuth's RFCs, to which somebody presents a token of either kind."""

from __future__ import annotations

from typing import Any

from refresh_sessions.hidden import hide
from refresh_sessions.rest_framework.exceptions import InvalidRequestError
from refresh_sessions.rest_framework.parsers import StrictFormParser, StrictJSONParser
from refresh_sessions.rest_framework.views.base import ContractView


class AboutTokenView(ContractView):
    """Takes ``token`` and ``token_type_hint`` as JSON, or as a form as the RFCs have it.

    The parameters have the names of the RFCs, whatever ``FIELD_NAMES`` says.
    """

    parser_classes = (StrictFormParser, StrictJSONParser)

    @property
    def token(self) -> str:
        """The presented token.

        Raises:
            InvalidRequestError: there is none.

        """
        token: Any = hide(self.body.get("token"))
        if not isinstance(token, str) or not token:
            raise InvalidRequestError
        return token
