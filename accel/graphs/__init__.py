"""Work on OpenVINO graphs before they are stored: build them, quantize them, let them take camera frames."""
