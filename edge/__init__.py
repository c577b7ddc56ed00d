"""Vedette, the appliance: the architecture, and one frame's way through it. Read this first.

Two leaves and one trunk. `accel` knows tensors, `models` knows pictures and meanings, and only `edge` knows
both. Imports run downward only; tests/test_layers.py reads the source and enforces it::

    start                       where the command begins: Ctrl-C while all else is loaded
    cli
    commands/                   the words of the command line: parse, call, print
    pipeline  api/              what each thread does; Rekognition's own API (see edge.api)
    watch explain checkup       one camera's memory; a configuration in words; what is wrong with this machine
    status                      whether the daemon is well, and the small form of its picture that the broker keeps
    looks futile                what is looked for at a rate of its own; what cameras ask for, and will never find
    scene                       one picture: each ability is asked once, and told what the others found
    abilities presence obstacles   the opened models; which tracks are open; files and names that are not as configured
    customs                     the open models of one's own, as the database says
    config exporter             the one TOML file, put together from the sections below; serves /metrics
    snapshots                   undrawn pictures of cameras, labelled by people: what models are trained from
    comparison                  the faces of two pictures, held against each other
    cameras/ vision/ tracking collections/ custom/ events/       these never import each other
    identity stills live metrics endpoint
    failover                    a task's models in order: the next takes over, the first is tried again; idle ones rest
    candidates                  those models, each open or why not
    engine  packs/  keys/       a model on an accelerator; where built models are kept; who may ask, and for what
    quality centre              which faces are too poor to be recognised; one vector for several faces of a person
    report drawing              what was found as a page to look at, and drawn into the picture
    pictures findings database  decoding a still picture; what is found in one; the one SQLite file
    threads                     those that end together; nothing else spawns any
    settings values errors similarity   what everybody shares
    stats board turns           what is counted and timed; heat, memory and disk; requests give way to cameras
    notify stopping             what the service manager hears, and what its signals do
    models/  accel/             the leaves

Each room keeps its own settings beside the code that obeys them (a camera is one file with its section and
its frames), and `config` only assembles them: that is why `config` lies above the rooms, not below.

One frame's way:

1. A camera's thread reads it (`cameras/`), asks the motion gate (`vision/motion.py`) whether anything moved, and
   leaves it in the mailbox, where a newer frame of the same camera replaces it and the loss is counted.
2. The vision thread takes the frame whose camera waited longest, shapes it for the network (`models/tensors.py`)
   and starts the inference (`accel/`). While that runs, the frame before it is finished:
3. outputs are decoded (`models/decode/`), tracks carried on (`tracking.py`), faces found, and embedded only for new
   or better views (`vision/faces.py`, `identity.py`, `collections/`), labels and moderation at their own rates
   (`watch.py`); rules decide what deserves an event (`events/rules.py`).
4. Events and the state they tell of are one SQLite commit (`events/log.py`, `presence.py`); while the disk refuses it,
   they wait together (`events/held.py`).
5. The publisher's thread sends them with QoS 1, in order; the broker's PUBACK marks them delivered (`events/mqtt.py`).

Requests of the API use the same opened models and collections, on worker threads of their own, and wait before each
inference while a frame is in work (`turns.py`).

A camera's error backs off and reopens, and a read that hangs is abandoned with its thread; any other dead thread
ends the process with its reason, and the service manager starts it again: what was committed is sent then, what was
open is closed with an event that says so.

To add a model, see `models`; a back end, `accel`; a camera, `edge.cameras`. A model of one's own is trained and packed
on a workstation (tools/training), installed as a version of a project (`custom/`), and opened by `customs`.
"""

__version__ = "0.1.0"
