"""Configs at another input size."""
import pytest

from udapose.config_sizes import at_input_size


def test_every_size_changes_and_nothing_else():
    codec = dict(type='A', input_size=(64, 64), heatmap_size=(16, 16, 16), depth_range=(-1, 1))
    pipeline = [dict(type='B', input_size=[64, 64]), dict(views=(dict(encoder=codec), 3))]
    got = at_input_size(pipeline, 96)
    sized = dict(codec, input_size=(96, 96), heatmap_size=(24, 24, 16))
    assert got == [dict(type='B', input_size=(96, 96)), dict(views=(dict(encoder=sized), 3))]
    assert codec['input_size'] == (64, 64) and pipeline[0]['input_size'] == [64, 64]  # a copy
    assert at_input_size(dict(heatmap_size=(16, 16)), 64, stride=8) == dict(heatmap_size=(8, 8))


def test_a_stride_that_does_not_divide_the_side_is_refused():
    with pytest.raises(ValueError, match='side=66 is not a multiple of stride=4'):
        at_input_size({}, 66)
