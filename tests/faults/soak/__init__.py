"""Parts of the soak test: server, databases, honest clients, attackers, final checks."""
