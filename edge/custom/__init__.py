"""Custom models on this device: projects, their versions and data sets, who may use them, and which version serves.

`schema` has the tables, `records` the values, `base` the connection. `projects`, `versions` and `serving` are what can
be done with each; so are `labelled` with data sets (`datasets`, of `entries`), `ordering` with training orders
(`orders`) and `sharing` with policies (`policies`). `store` puts all together as `Projects`.

Packs come in by hand (`installing`), in pieces from who trained them (`uploads`), or by a manifest that a broker told
(`manifests`, `following`, `fetching`). A version's statuses are Rekognition's::

    TRAINING_IN_PROGRESS ──> TRAINING_COMPLETED   its pack is installed
           └───────────────> TRAINING_FAILED
    COPYING_IN_PROGRESS ───> COPYING_COMPLETED, COPYING_FAILED
    TRAINING_COMPLETED, COPYING_COMPLETED, STOPPED, FAILED ──> STARTING ──> RUNNING ──> STOPPING ──> STOPPED
                                                                  └──> FAILED <──┘

Several versions of a project may run; `serving` says which one cameras ask (current), which one did before (previous),
and whose answers are only logged (shadow).
"""

from edge.custom.records import (
    STARTABLE,
    FullError,
    InUseError,
    NewVersion,
    NoProjectError,
    NoVersionError,
    Page,
    Project,
    Serving,
    Status,
    TakenError,
    Version,
)
from edge.custom.store import Projects

__all__ = [
    "STARTABLE",
    "FullError",
    "InUseError",
    "NewVersion",
    "NoProjectError",
    "NoVersionError",
    "Page",
    "Project",
    "Projects",
    "Serving",
    "Status",
    "TakenError",
    "Version",
]
