import pytest

from harness.metrics.stored_tensors import StoredTensor, largest_wide
from harness.release import Precision

TENSORS = (
    StoredTensor("norm", "fp32", 32, 1024),
    StoredTensor("embedding", "fp32", 32, 3 * 2**20),
    StoredTensor("half", "fp16", 16, 4 * 2**20),
)


@pytest.mark.parametrize(
    ("precision", "name"),
    [
        (Precision.FP32, None),
        (Precision.FP16, "embedding"),
        (Precision.INT8, "half"),
        (Precision.INT4, "half"),
        (None, None),
    ],
)
def test_it_is_the_largest_of_more_bits_than_the_variant_is_said_to_have(precision, name):
    found = largest_wide(TENSORS, precision)
    assert (found and found.name) == name


def test_it_is_named_with_its_precision_and_its_size():
    assert TENSORS[1].label == "embedding (fp32, 3.00 MiB)"
