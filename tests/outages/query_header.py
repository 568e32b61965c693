"""Middleware of the servers: a header with the number of SQL statements of a request."""

from django.db import connection


class QueryHeader:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        statements = []

        def count(execute, sql, params, many, context):
            statements.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(count):
            response = self.get_response(request)
        response["X-Queries"] = str(len(statements))
        return response
