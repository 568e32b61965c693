"""The WSGI application that gunicorn serves: one subject and the baseline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from benchmarks.compare.measurements.throughput import CONFIG_VARIABLE
from benchmarks.compare.project import Project
from benchmarks.compare.subjects import SUBJECTS

_config: dict[str, Any] = json.loads(os.environ[CONFIG_VARIABLE])
_project = Project(SUBJECTS[_config["subject"]](), _config["database"])


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Pass the request to the handler of the baseline or of the subject."""
    baseline = environ["PATH_INFO"].startswith("/baseline/")
    handler = _project.baseline_handler if baseline else _project.handler
    response: Iterable[bytes] = handler(environ, start_response)
    return response
