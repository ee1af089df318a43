"""A tiny embedded data set, made once per session."""
import pytest


@pytest.fixture(scope='session')
def tiny_people(tmp_path_factory):
    from udapose.synthetic import generate
    out = tmp_path_factory.mktemp('people')
    generate(out, kind='people', size=64, source_train=24, target_train=24, val=4, test=4,
             workers=1)
    return out
