"""A tiny embedded data set, made once per session."""
import cv2
import numpy as np
import pytest


@pytest.fixture(scope='session')
def tiny_people(tmp_path_factory):
    from udapose.synthetic import generate
    out = tmp_path_factory.mktemp('people')
    generate(out, kind='people', size=64, source_train=24, target_train=24, val=4, test=4,
             workers=1)
    return out


@pytest.fixture
def style_folder(tmp_path):
    """Four images of one colour each: RGB (200, 10 i, 30)."""
    for i in range(4):
        image = np.full((10, 14, 3), (30, 10 * i, 200), np.uint8)
        assert cv2.imwrite(str(tmp_path / f'{i}.png'), image)
    return tmp_path
