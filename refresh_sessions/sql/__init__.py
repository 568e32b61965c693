"""SQL of the hot paths: statements that are not compiled anew for each execution.

Django builds and compiles a queryset for each execution, which takes several times as long as the
driver and the server. The SQL of these statements depends only on models and database.
"""

from refresh_sessions.sql.insert import insert, insert_silently
from refresh_sessions.sql.select import CompiledRow, CompiledSelect
from refresh_sessions.sql.update import CompiledUpdate

__all__ = ["CompiledRow", "CompiledSelect", "CompiledUpdate", "insert", "insert_silently"]
