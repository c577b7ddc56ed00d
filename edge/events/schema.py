"""What an event looks like on the wire: the envelope, and the values of every type.

Times are ISO 8601 in UTC with milliseconds ("2026-01-31T07:05:09.120Z"): Home Assistant's timestamp sensors
and templates, Node-RED and every JSON library read them as they are, and so does a person; a bare number
would leave open whether it counts seconds or milliseconds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, create_model

from edge.values import Event

UNSENT = '"published_at":null'  # cannot occur inside a JSON string, where quotes are escaped
NO_CAMERA = "-"  # stands in the topic of an event that is about no camera


def iso(at: float | str) -> str:
    """Epoch seconds as ISO 8601 in UTC with milliseconds; text is taken as it is."""
    if isinstance(at, str):
        return at
    return datetime.fromtimestamp(float(at), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _four(value: float) -> float:
    return round(value, 4)


def _two(value: float) -> float:
    return round(value, 2)


Score = Annotated[float, Field(ge=0.0, le=1.0), AfterValidator(_four)]
Cosine = Annotated[float, Field(ge=-1.001, le=1.001), AfterValidator(_four)]
Percent = Annotated[float, Field(ge=0.0, le=100.0), AfterValidator(_two)]
Ratio = Annotated[float, AfterValidator(_four)]
Degrees = Annotated[float, AfterValidator(_two)]
Milliseconds = Annotated[float, Field(ge=0.0), AfterValidator(_two)]
Time = Annotated[str, BeforeValidator(iso), Field(json_schema_extra={"format": "date-time"})]
Track = Annotated[int, Field(description="unique per camera, also across restarts")]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, allow_inf_nan=False)


class Box(Part):
    """Left, top, right and bottom as ratios of the frame's width and height."""

    x1: Ratio
    y1: Ratio
    x2: Ratio
    y2: Ratio


class Instance(Part):
    """One of the things that a label names."""

    score: Score
    box: Box


class Label(Part):
    """A name for the whole picture, and the chain of names above it, nearest first."""

    name: str
    score: Score
    parents: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    instances: tuple[Instance, ...] = ()


class TrackStarted(Part):
    """An object came into view and was seen long enough to be believed."""

    track: Track
    label: str
    score: Score
    box: Box


class TrackEnded(Part):
    """The object is gone, or can no longer be followed."""

    track: Track
    label: str
    started_at: Time
    duration: Annotated[float, Field(ge=0.0, description="seconds")]
    reason: Literal["left", "camera_offline", "stopped", "restart"]


class FaceMatched(Part):
    """A face was recognised. `person` is the user id, else the external image id, else the face id."""

    track: Annotated[int | None, Field(description="the track of the person whose face it is")]
    person: str
    face_id: str
    external_image_id: str | None
    user_id: str | None
    collection: str
    similarity: Percent
    cosine: Cosine
    box: Box


class FaceUnknown(Part):
    """A face was seen well, several times, and resembles nobody of the collection enough."""

    track: Annotated[int | None, Field(description="the track of the person whose face it is")]
    collection: str
    best_similarity: Percent
    box: Box


class Labels(Part):
    """What the whole picture shows has changed."""

    labels: tuple[Label, ...]


class Flag(Part):
    """A moderation label of Rekognition's taxonomy 7.0; `parent` is empty on level 1."""

    name: str
    parent: str
    level: Annotated[int, Field(ge=1, le=3)]
    score: Score


class Moderation(Part):
    """Something that should perhaps not be shown reached the floor. `name` is the strongest on the first level."""

    name: str
    score: Score
    flags: tuple[Flag, ...] = ()


class Trait(Part):
    """A yes or no, or a word, and how sure it is."""

    value: bool | str
    score: Score


class Pose(Part):
    """Degrees: roll clockwise, yaw towards the picture's right, pitch up."""

    roll: Degrees
    yaw: Degrees
    pitch: Degrees


class FaceSeen(Part):
    box: Box
    score: Score


class DetailedFace(Part):
    """A face as DetectFaces tells it; `emotions` likeliest first."""

    face: FaceSeen
    pose: Pose
    age: tuple[int, int]
    gender: Trait
    emotions: tuple[Trait, ...]
    smile: Trait
    eyeglasses: Trait
    sunglasses: Trait
    beard: Trait
    mustache: Trait
    eyes_open: Trait
    mouth_open: Trait
    occluded: Trait


class FaceDetails(Part):
    """Other faces are in view than before, told apart by gender, a clear emotion and glasses; or none any more.

    Two looks in a row must agree.
    """

    faces: tuple[DetailedFace, ...]


class Line(Part):
    """A line of text; `polygon` is its four corners from the text's own top left, clockwise."""

    text: str
    score: Score
    box: Box
    polygon: tuple[tuple[Ratio, Ratio], ...]


class Text(Part):
    """A line is read that was not there before; or none any more. Readings that are much alike are one line."""

    lines: tuple[Line, ...]


class PictureQuality(Part):
    """The picture became bad, or good again. The figures are 0 to 100."""

    state: Literal["good", "dark", "bright", "blurred"]
    brightness: Percent
    sharpness: Percent
    contrast: Percent


class Worker(Part):
    """A person, and whether everything that is required is worn."""

    fate: Literal["with_required", "without_required", "indeterminate"]
    score: Score
    box: Box


class Ppe(Part):
    """The number of persons with or without the required protective equipment has changed."""

    required: tuple[str, ...]
    with_required: int
    without_required: int
    indeterminate: int
    persons: tuple[Worker, ...]


class Celebrity(Part):
    """Someone from an installed celebrity pack came into view."""

    id: str
    name: str
    urls: tuple[str, ...]
    similarity: Percent
    pack: str
    box: Box


class LiveFace(Part):
    live: bool
    score: Score
    box: Box


class Liveness(Part):
    """Advice, never a gate: how many faces seem to be there in the flesh has changed; two looks in a row must agree."""

    faces: tuple[LiveFace, ...]


class CustomLabel(Part):
    """A label of a custom model: of a part of the picture, or where `box` is null, of all of it.

    `parent` is the moderation label it stands under, where the model adapts these.
    """

    name: str
    score: Score
    box: Box | None
    parent: str


class CustomLabels(Part):
    """A label of a project's own came into view, or none is there any more. `version` is the one that runs."""

    project: str
    version: str
    labels: tuple[CustomLabel, ...]


class CustomShadow(Part):
    """What two versions of a project say of one picture has changed: the one that runs, and the one that is tried."""

    project: str
    version: str
    labels: tuple[CustomLabel, ...]
    shadow: Annotated[str, Field(description="the version that is tried")]
    shadow_labels: tuple[CustomLabel, ...]
    agree: Annotated[bool, Field(description="whether both see the same labels, wherever they are")]


class CameraOnline(Part):
    """The camera delivers frames (again)."""


class CameraOffline(Part):
    """The camera delivers no frames; it is reopened without end."""

    reason: str = ""


class ModelOn(Part):
    """A model on a back end."""

    model: str
    backend: str


class AcceleratorFailed(Part):
    """A back end failed while it ran a task's model. The task goes on with `instead`; if that is null, it rests.

    What failed is tried again, until `accelerator_restored` tells that it works.
    """

    task: str
    model: str
    backend: str
    reason: str
    instead: ModelOn | None


class AcceleratorRestored(Part):
    """From now on the task runs on this back end (again), which stands before the one it ran on in `accel.order`."""

    task: str
    model: str
    backend: str


class CustomPack(Part):
    """What became of a model pack that the broker announced.

    `installed`, then `running` or `failed` if it was to be started; `refused` for good; `delayed`: it is tried again.
    """

    project: str
    version: str
    state: Literal["installed", "running", "failed", "refused", "delayed"]
    reason: str = ""


class EventsLost(Part):
    """Undelivered events that were given up because the log reached its last limit.

    Their sequences lie within first..last; `count` tells how many of them are gone for good.
    """

    first: int
    last: int
    count: int


class EventsDropped(Part):
    """Events that were never written: the disk refused them for so long that no memory was left to hold them.

    They had no sequence yet, so there is no gap. `first_at` and `last_at` are when the first and the last was captured.
    """

    count: Annotated[int, Field(ge=1)]
    first_at: Time
    last_at: Time
    reason: Literal["disk"]


TYPES: dict[str, type[Part]] = {
    "track_started": TrackStarted,
    "track_ended": TrackEnded,
    "face_matched": FaceMatched,
    "face_unknown": FaceUnknown,
    "labels": Labels,
    "moderation": Moderation,
    "face_details": FaceDetails,
    "text": Text,
    "picture_quality": PictureQuality,
    "ppe": Ppe,
    "celebrity": Celebrity,
    "liveness": Liveness,
    "custom_labels": CustomLabels,
    "custom_shadow": CustomShadow,
    "camera_online": CameraOnline,
    "camera_offline": CameraOffline,
    "accelerator_failed": AcceleratorFailed,
    "accelerator_restored": AcceleratorRestored,
    "custom_pack": CustomPack,
    "events_lost": EventsLost,
    "events_dropped": EventsDropped,
}


class ModelUse(Part):
    """Which model spoke; `digest` is its identity, the same on every device."""

    task: str
    name: str
    version: int
    digest: str
    backend: str


class Envelope(Part):
    """What every event carries."""

    id: Annotated[str, Field(description="UUIDv7; the same when an event is sent again")]
    sequence: Annotated[int, Field(ge=1, description="counts this device's events without a gap")]
    device: str
    camera: Annotated[str, Field(description=f"'{NO_CAMERA}' for an event that is about no camera")]
    type: str
    captured_at: Annotated[Time, Field(description="when the frame was taken")]
    published_at: Annotated[
        Time | None, Field(description="when this copy was handed to the broker; null in the device's own log")
    ]
    values: Part
    still: Annotated[str | None, Field(description="path of the annotated picture on the device")]
    models: tuple[ModelUse, ...]
    stages: Annotated[dict[str, Milliseconds], Field(description="milliseconds by stage")]


@cache
def message_types() -> dict[str, type[Envelope]]:
    """The whole message of every type."""
    return {
        name: create_model(
            values.__name__ + "Event",
            __base__=Envelope,
            __doc__=values.__doc__,
            type=(Literal[name], ...),  # type: ignore[arg-type]
            values=(values, ...),
        )
        for name, values in TYPES.items()
    }


def json_schema() -> dict[str, Any]:
    """JSON Schema of every message this device publishes as an event."""
    choice: Any = None
    for message in message_types().values():
        choice = message if choice is None else choice | message
    schema = TypeAdapter(Annotated[choice, Field(discriminator="type")]).json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vedette event",
        "description": "A message on <prefix>/<device>/<camera>/<type>.",
        **schema,
    }


def validate(payload: str | bytes) -> Envelope:
    """Read a message; raises pydantic's ValidationError (a ValueError) if it is none."""
    kind = json.loads(payload)["type"]
    return message_types()[kind].model_validate_json(payload)


def render(event: Event, device: str) -> str:
    """The message without its id and sequence: everything after them, ready to be joined by `complete`.

    Raises KeyError for an unknown type and ValueError for values that do not fit it: defects of the caller.
    """
    values = TYPES[event.type].model_validate(event.values)
    rest = {
        "device": device,
        "camera": event.camera,
        "type": event.type,
        "captured_at": iso(event.captured_at),
        "published_at": None,
        "values": values.model_dump(),
        "still": event.still or None,
        "models": [
            {"task": use.task, "name": use.name, "version": use.version, "digest": use.digest, "backend": use.backend}
            for use in event.models
        ],
        "stages": {stage: _two(float(ms)) for stage, ms in event.stages.items()},
    }
    return json.dumps(rest, ensure_ascii=False, separators=(",", ":"), allow_nan=False)[1:]


def complete(identity: str, sequence: int, rest: str) -> str:
    """Join what `render` left open."""
    return f'{{"id":"{identity}","sequence":{sequence},{rest}'


def stamp(body: str, published_at: float) -> str:
    """The copy of a logged message that goes out now."""
    return body.replace(UNSENT, f'"published_at":"{iso(published_at)}"', 1)
