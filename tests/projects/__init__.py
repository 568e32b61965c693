"""Projects of other shapes than the usual one: their URLs, databases, tenants and settings."""
