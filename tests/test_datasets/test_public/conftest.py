"""Miniatures that several files of tests read."""
import pytest
from body_checks import READERS


@pytest.fixture(scope='session')
def minis(tmp_path_factory):
    """Reader of people in 3D: folder and truth of its miniature."""
    root = tmp_path_factory.mktemp('bodies')
    return {name: (root / name, module.write(root / name, num=10, seed=1))
            for name, module in READERS.items()}
