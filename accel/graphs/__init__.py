"""Work on OpenVINO graphs: build them, quantize them, let them take camera frames; and fit them to old processors."""
