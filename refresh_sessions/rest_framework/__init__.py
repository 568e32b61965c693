"""The only door to Django REST framework."""
