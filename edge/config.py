"""The one TOML file, as types. A misspelt key is an error that names itself, not a default."""

from __future__ import annotations

import difflib
import re
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from edge import endpoint
from edge.cameras import Camera
from edge.custom.manifests import CustomSettings
from edge.endpoint import ApiSettings
from edge.engine import AccelSettings, ModelSettings
from edge.errors import ConfigError
from edge.events.log import EventSettings
from edge.events.mqtt import MqttSettings
from edge.metrics import MetricsSettings
from edge.settings import TASKS, LocalPath, Section, Tasks, matching
from edge.stills import StillSettings

# Names become MQTT topic levels, so they hold none of its wildcards.
Name = Annotated[str, matching(r"[A-Za-z0-9_.-]{1,64}", "a name is 1 to 64 letters, digits and . _ -")]

# Pydantic's kinds of faults, in the words of a TOML; all others have its own.
TABLE, LIST, TEXT = "write a table", "write a list", "write a text, in quotes"
WORDS = {
    "missing": "is missing",
    "value_error": "{error}",
    "dict_type": TABLE,
    "model_type": TABLE,
    "model_attributes_type": TABLE,
    "tuple_type": LIST,
    "string_type": TEXT,
    "path_type": TEXT,
    "string_too_short": "must not be empty",
    "int_type": "write a whole number, without quotes",
    "float_type": "write a number, without quotes",
    "bool_type": "write true or false, without quotes",
    "finite_number": "must be finite",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "too_short": "must have {min_length} or more, not {actual_length}",
    "too_long": "must have {max_length} or fewer, not {actual_length}",
    "literal_error": "must be {expected}",
}


def _hostname() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:64] or "vedette"


class Config(Section):
    device: Name = Field(default_factory=_hostname)
    data: LocalPath = Path("~/.local/share/vedette").expanduser()
    mqtt: MqttSettings = MqttSettings()
    events: EventSettings = EventSettings()
    stills: StillSettings = StillSettings()
    models: ModelSettings = ModelSettings()
    accel: AccelSettings = AccelSettings()
    metrics: MetricsSettings = MetricsSettings()
    api: ApiSettings = ApiSettings()
    custom: CustomSettings = CustomSettings()
    cameras: dict[Name, Camera] = Field(default_factory=dict)

    @field_validator("cameras")
    @classmethod
    def _apart(cls, cameras: dict[str, Camera], info: ValidationInfo) -> dict[str, Camera]:
        """Its own events would else come in on the topics where packs are announced."""
        custom = info.data.get("custom")
        if custom and custom.manifests and "custom" in (info.data.get("device"), *cameras):
            raise ValueError(
                "with custom.manifests no camera or device is called 'custom', as its topics are; rename it"
            )
        return cameras

    @property
    def tasks(self) -> tuple[str, ...]:
        """What any camera or request looks for, in the order of TASKS; without either, what a camera would."""
        asked = endpoint.TASKS if self.api.port else ()
        sections: list[Tasks] = [*self.cameras.values()] or ([] if asked else [Tasks()])
        return tuple(
            task for task in TASKS if task in asked or any(getattr(section, task).enabled for section in sections)
        )


def load(path: Path | None) -> Config:
    """Read and check a file; without one, every default. Raises ConfigError with a line for each fault."""
    if path is None:
        return Config()
    try:
        raw = tomllib.loads(path.read_text("utf-8-sig"))  # Windows' editors begin with a mark
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; name your TOML with --config FILE") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a TOML that this user may read") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of nested brackets
        raise ConfigError(f"{path}: no sensible TOML ({error})") from error
    return parse(raw, path)


def parse(raw: Mapping[str, Any], path: Path) -> Config:
    """Check a parsed TOML whose relative paths start at the folder of `path`."""
    try:
        return Config.model_validate(raw, context={"base": path.absolute().parent})
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in _faults(error))) from error


def _faults(error: ValidationError) -> Iterator[str]:
    faults = error.errors(include_url=False, include_input=False)
    places = {fault["loc"][: len(fault["loc"]) - 1] for fault in faults}
    for fault in faults:
        if fault["type"] == "too_short" and fault["loc"] in places:
            continue  # an unfit entry is not missing, too
        place = ".".join(str(part) for part in _written(fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = _keys_at(Config, fault["loc"][:-1])
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
            yield f"{place}: unknown key; {hint}"
        elif fault["type"] == "union_tag_not_found":
            yield f"{place}: 'kind' is missing; it is one of {', '.join(_kinds())}"
        elif fault["type"] == "union_tag_invalid":
            yield f"{place}.kind: unknown; it is one of {', '.join(_kinds())}"
        else:
            own = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
            yield f"{place}: {WORDS.get(fault['type'], own).format(**fault.get('ctx', {}))}"


def _camera_types() -> tuple[type[BaseModel], ...]:
    return get_args(get_args(Camera)[0])


def _kinds() -> list[str]:
    return [
        kind.model_fields["kind"].default or get_args(kind.model_fields["kind"].annotation)[0]
        for kind in _camera_types()
    ]


def _written(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """As it stands in the TOML: pydantic puts the kind of a camera behind its name, and a word behind an unfit name."""
    place = place[:-1] if place[-1] == "[key]" else place
    return place[:2] + place[3:] if place[0] == "cameras" and len(place) > 2 and place[2] in _kinds() else place


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys known where an unknown one stands; `place` holds the kind of a camera as pydantic puts it."""
    if len(place) >= 3 and place[0] == "cameras":
        model = next(kind for kind, name in zip(_camera_types(), _kinds(), strict=True) if name == place[2])
        place = place[3:]
    for part in place:
        named = get_origin(model) is dict  # in a table of tables, whose names are the user's own
        model = get_args(model)[1] if named else model.model_fields[str(part)].annotation  # type: ignore[assignment]
    return list(model.model_fields)
