"""Accelerators: arrays in, arrays out. This leaf knows tensors and imports nothing of ours.

A back end is one file with an ``open_model(weights, options)`` function and one name in
`accel.session.BACKENDS`; `tests/accel/test_contract.py` then runs it or says why it cannot.
"""
