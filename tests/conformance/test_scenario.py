"""The models of Linux and KVM agree with every result that four real kernels gave."""

from __future__ import annotations

import pytest

from mtelab import recordings
from mtelab.kvm import RELEASES
from mtelab.scenario import read_recorded, replay

FILES = sorted(path.name for path in recordings.folder("scenario").glob("*.jsonl"))
OPERATIONS = {"curated.jsonl": 574, "hugetlb.jsonl": 7202, "random.jsonl": 35968}


@pytest.fixture(scope="module", params=FILES)
def scenarios(request):
    return request.param, read_recorded(recordings.folder("scenario") / request.param)


@pytest.mark.parametrize("kernel", RELEASES)
def test_every_result_agrees(scenarios, kernel):
    name, recorded = scenarios
    assert sum(len(one.operations) for one in recorded) == OPERATIONS[name]
    for one in recorded:
        ours = replay(one.operations, kernel)
        differences = [
            (operation.text, model, real)
            for operation, model, real in zip(one.operations, ours, one.results[kernel], strict=True)
            if model != real
        ]
        assert not differences, f"{one.where} {one.id}"
