"""A configuration in words: what each part would do, and what keeps it from running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress

from accel.session import AcceleratorError, isolated
from edge import database
from edge.abilities import needed
from edge.cameras.base import CameraSettings
from edge.collections import Collection, Collections
from edge.config import Config
from edge.custom import manifests
from edge.engine import check_backends, installed_of
from edge.errors import MasterKeyError, StorageError
from edge.futile import absent_collections, futile, switched_off, uncelebrated
from edge.keys import certificate, store
from edge.keys.counting import usable
from edge.obstacles import buckets, obstacles
from edge.settings import Tasks
from models.manifest import Backend, ModelError

NOBODY = "api: no access key is enabled, so nobody can ask: run 'vedette keys create NAME'"
# The tasks that are off unless asked for, in words.
MORE = {
    "attributes": "details of faces from {task.min_pixels} pixels",
    "text": "lines from a score of {task.floor:g}",
    "properties": "good from {task.dark:g} to {task.bright:g} of brightness and {task.blurred:g} of sharpness",
    "ppe": "persons need {required}, from a score of {task.floor:g}",
    "celebrities": "whom the installed packs know",
    "liveness": "advice on faces from {task.min_pixels} pixels, live from {task.floor:g}",
}


def lines(config: Config) -> Iterator[str]:
    """One line for each thing the daemon would do."""
    mqtt = config.mqtt
    yield f"device {config.device}: topics {mqtt.prefix}/{config.device}/<camera>/<type>, data in {config.data}"
    yield (
        f"mqtt: {mqtt.host}:{mqtt.port}, version {mqtt.protocol}, {'TLS' if mqtt.tls else 'no TLS'}, "
        f"{f'user {mqtt.username}' if mqtt.username else 'no user'}"
    )
    yield f"accel: {', then '.join(_backend(config, backend) for backend in config.accel.order)}"
    metrics = config.metrics
    place = f"http://{metrics.host}:{metrics.port}/metrics"
    yield f"metrics: {place} and /healthz" if metrics.port else "metrics: not served"
    yield from _api(config)
    folder = config.stills.folder
    undrawn = ", undrawn too" if config.stills.clean else ""
    yield f"stills: the newest {config.stills.keep} in {folder}{undrawn}" if folder else "stills: none written"
    if config.custom.manifests:
        shared, own = manifests.topics(mqtt.prefix, config.device)
        yield f"custom: packs of up to {config.custom.max_mb} MB that are announced at {own}/+ and {shared}/+"
    for name, camera in config.cameras.items():
        yield f"camera {name}: {', '.join(_source(camera))}"
        yield from (f"camera {name}: {sentence}" for sentence in _tasks(camera))


def _api(config: Config) -> Iterator[str]:
    api = config.api
    if not api.port:
        yield "api: not served"
        return
    yield (
        f"api: {api.place}, {api.workers} requests at once and {api.queue} in line, "
        f"region {api.region}, account {api.account}"
    )
    for name, bucket in api.buckets.items():
        yield f"api: bucket {name}: {bucket.folder or f'{bucket.bucket or name} at {bucket.endpoint}'}"
    audit = api.audit
    yield f"api: the audit keeps {audit.keep} files of {audit.size_mb} MB in {audit.within(config.data)}"


def problems(config: Config) -> Iterator[str]:
    """What keeps this configuration, or a part of it, from working, each with its remedy."""
    yield from obstacles(config)
    if config.api.port:
        yield from cautions(config)
    try:
        check_backends(config)
    except AcceleratorError as error:
        yield str(error)
        return
    yield from futile(config)
    yield from uncelebrated(config)
    for task in config.tasks if config.cameras or config.api.port else ():
        for model in needed(task):
            if not config.models.of(model):
                continue
            try:
                installed_of(model, config)
            except ModelError as error:
                yield f"models.{model}: {error}"


def remarks(config: Config) -> Iterator[str]:
    """What may well be meant, and may not."""
    yield from exposures(config)
    yield from absent_collections(config, _collections(config))
    yield from switched_off(config)


def _collections(config: Config) -> list[Collection]:
    """None where there is no database yet, or one that cannot be read, which is said elsewhere."""
    with suppress(StorageError):
        if database.is_there(config.data):
            with closing(Collections(database.connect(config.data, or_snapshot=True))) as people:
                return people.list_collections()
    return []


def cautions(config: Config) -> Iterator[str]:
    """What the API lacks for its clients, though it can be served without."""
    yield from buckets(config)
    if doubt := certificate.doubt(config.api.tls_certificate):
        yield f"api.tls_certificate: {doubt}"
    with suppress(StorageError):  # which is said elsewhere
        if not usable(config.data):
            yield NOBODY
        try:
            store.check(config.data)
        except MasterKeyError as error:
            yield f"api: {error}"


def exposures(config: Config) -> Iterator[str]:
    """What others in the network could do, though nothing is wrong."""
    api = config.api
    if api.port and api.overheard:
        yield (
            f"api: {api.place} is served without TLS: anyone in the network can read pictures and answers, and send a "
            f"request again for {api.skew / 60:.3g} minutes; run 'vedette keys certificate', or leave out host"
        )


def _wanted(camera: CameraSettings) -> str:
    task = camera.labels
    only = ", ".join((*task.include, *task.include_categories)) or "everything"
    without = ", ".join((*task.exclude, *task.exclude_categories))
    return f"{only} but {without}" if without else only


def _required(camera: CameraSettings) -> str:
    return " and ".join(cover.replace("_", " ").lower() for cover in dict.fromkeys(camera.ppe.required))


def _backend(config: Config, backend: Backend) -> str:
    return f"{backend} in a worker process" if isolated(backend, config.accel.options(backend)) else backend


def _source(camera: CameraSettings) -> Iterator[str]:
    fields = camera.model_dump(mode="json")
    yield f"kind {fields.pop('kind')}"
    for section in Tasks.model_fields:
        fields.pop(section)
    yield from (f"{key} {value}" for key, value in fields.items() if value not in (None, False, "", 0))


def _tasks(camera: CameraSettings) -> Iterator[str]:
    motion = camera.motion
    yield (
        f"frames count when {motion.area:.2%} of the picture changes, else one every {motion.rest:g} s"
        if motion.area
        else "every frame counts, the motion gate is off"
    )
    if camera.objects.enabled:
        what = ", ".join(camera.objects.labels) or "everything the detector knows"
        yield f"objects: {what}, from a score of {camera.objects.floor:g}"
    if camera.faces.enabled:
        yield (
            f"faces: matched in collection {camera.faces.collection!r} from {camera.faces.similarity:g} % "
            f"in {camera.faces.confirmations} views"
            + (", small ones looked for tile by tile" if camera.faces.small else "")
        )
    if camera.labels.enabled:
        yield f"labels: {_wanted(camera)}, every {camera.labels.every:g} s, from a score of {camera.labels.floor:g}"
    if camera.moderation.enabled:
        yield f"moderation: every {camera.moderation.every:g} s, an event from {camera.moderation.floor:g}"
    for name, what in MORE.items():
        section = getattr(camera, name)
        if section.enabled:
            yield f"{name}: {what.format(task=section, required=_required(camera))}, every {section.every:g} s"
    if camera.custom.enabled:
        task = camera.custom
        least = "the threshold of each label" if task.floor is None else f"a score of {task.floor:g}"
        yield f"custom: labels of {', '.join(task.projects)}, from {least}, every {task.every:g} s"
