"""Possible answers to a refresh token, as columns of the table."""

REFRESH, ACCESS_ONLY = "200 refresh", "200 access"
STATUSES = (REFRESH, ACCESS_ONLY, "401", "403", "409", "503")
