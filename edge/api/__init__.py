"""Rekognition's own API, answered by the models of this device."""
