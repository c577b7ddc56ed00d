"""Accelerators: arrays in, arrays out. This leaf knows tensors and imports nothing of ours.

A back end is one file with an ``open_model(weights, options)`` function and one name in
`accel.session.BACKENDS`; `tests/accel/test_contract.py` then runs it or says why it cannot.
"""

import sys

# Each import of openvino would number this user in ~/intel and report to an analytics service, unless told not to;
# where this package of its cannot be imported, it does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
