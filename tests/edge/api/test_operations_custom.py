"""DetectCustomLabels: no model of one's own runs here, so none is found."""

from __future__ import annotations

import pytest

from edge.api.faults import Fault
from edge.api.operations.custom import detect_custom_labels
from tests.edge.api.desks import PICTURE, ask, desk

ARN = "arn:aws:rekognition:us-east-1:000000000000:project/p/version/v/1690474772815"


def test_a_project_version_is_not_found() -> None:
    with pytest.raises(Fault) as told:
        ask(detect_custom_labels, desk(), "DetectCustomLabels", ProjectVersionArn=ARN, Image=PICTURE)
    assert told.value.code == "ResourceNotFoundException"
    assert ARN in told.value.message
