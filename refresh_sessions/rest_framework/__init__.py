"""The HTTP API: views, authentication, permissions and throttles for REST framework."""
