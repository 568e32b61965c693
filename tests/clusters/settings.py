"""Settings of the example project for servers in front of a cluster."""

import json
import os

from tests.faults.soak.settings import *  # noqa: F403
from tests.faults.soak.settings import REFRESH_SESSIONS as SOAK_OPTIONS

DATABASES = {"default": json.loads(os.environ["CLUSTER_DATABASE"])}

if "CLUSTER_REPLICA" in os.environ:
    DATABASES["replica"] = json.loads(os.environ["CLUSTER_REPLICA"])
    DATABASE_ROUTERS = ["tests.clusters.routers.ReplicaRouter"]

REFRESH_SESSIONS = {**SOAK_OPTIONS, **json.loads(os.environ.get("CLUSTER_OPTIONS", "{}"))}

if "CLUSTER_CACHE" in os.environ:
    # A directory that all servers share.
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": os.environ["CLUSTER_CACHE"],
        }
    }

# The log of a server names the errors behind its answers.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
