"""The URLs of the project of this process."""

from benchmarks.compare.project import Project

urlpatterns = Project.current.urlpatterns()
