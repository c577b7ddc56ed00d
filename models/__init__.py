"""Models: what a network wants and what it says. This leaf knows pictures and meanings; numpy and cv2 only.

A model with a known kind of output is one folder in `models/zoo/`; a new kind of output adds one
file in `models/decode/` and its line in `models.decode.DECODERS`.
"""
