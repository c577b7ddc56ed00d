"""Every error this program raises on purpose, and who handles it.

::

    EdgeError                one sentence with the place and the remedy
    ├── UsageError           arguments that do not go together     the CLI prints it, exit 2
    ├── ConfigError          the TOML is wrong                     the CLI prints it, exit 78
    ├── InputError           a picture or file is unreadable       the CLI prints it, exit 65
    ├── MissingError         a named thing does not exist          the CLI prints it, exit 66
    ├── UnavailableError     no network, broker, device or port    the CLI prints it, exit 69
    ├── StorageError         a database or folder cannot be used   the CLI prints it, exit 74
    │   ├── DiskError        the disk refuses for now              events wait for it; at start as above
    │   └── MasterKeyError   master.key is gone, or another one    as above; the API refuses the key it concerns
    ├── DeniedError          wrong password, or not permitted      the CLI prints it, exit 77
    └── CameraError          a source failed                       the camera's thread backs off and reopens
        └── AwayError        nobody is there to be asked           the same, but asks again every second
    AcceleratorError (accel) a back end is missing or failed       the engine tries the next one; else exit 69
    ModelError (models)      a manifest, checksum or tensor        the CLI prints it, exit 65
    └── AbsentError          no model for this is installed        the CLI prints it, exit 69

Exit 0 is success, 1 "looked, and found a problem" (doctor, verify, check), 2 a wrong command line
(argparse, too), 70 a defect of ours: the only one that asks for a report.
"""

from __future__ import annotations

from accel.session import AcceleratorError
from models.manifest import AbsentError, ModelError


class EdgeError(Exception):
    """Base of our own errors; the message is one sentence that names the place and the remedy."""

    exit_code = 70


class UsageError(EdgeError):
    exit_code = 2


class ConfigError(EdgeError):
    exit_code = 78


class InputError(EdgeError):
    exit_code = 65


class MissingError(EdgeError):
    exit_code = 66


class UnavailableError(EdgeError):
    exit_code = 69


class StorageError(EdgeError):
    exit_code = 74


class DiskError(StorageError):
    """Full, read-only or busy: the same call may well succeed later."""


class MasterKeyError(StorageError):
    """What was sealed cannot be opened: of no use until the very file is put back."""


class DeniedError(EdgeError):
    exit_code = 77


class CameraError(EdgeError):
    exit_code = 69


class AwayError(CameraError):
    pass


EXPECTED = (EdgeError, AcceleratorError, ModelError)


def exit_code(error: BaseException) -> int:
    """The exit status for an error (see the tree above)."""
    if isinstance(error, EdgeError):
        return error.exit_code
    if isinstance(error, AcceleratorError | AbsentError):
        return UnavailableError.exit_code
    return InputError.exit_code if isinstance(error, ModelError) else EdgeError.exit_code
