"""What the soak is made of: a server to kill, honest clients, thieves, and a judge."""
