"""Projects with unusual URLs, databases, tenants and settings."""
