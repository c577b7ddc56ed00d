"""Faces as arrays: what is cut out for which network, and what points, movements and pixels of a face tell."""
