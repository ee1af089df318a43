import pytest

from udapose.synthetic import generate

SMALL = dict(size=64, source_train=12, target_train=12, val=6, test=8, seed=3)


@pytest.fixture(scope='session')
def small_parameters():
    """Parameters of the small data sets, without the kind."""
    return dict(SMALL)


@pytest.fixture(scope='session', params=['people', 'hands'])
def data_set(request, tmp_path_factory):
    """(folder, kind) of a small data set made by one process."""
    out = tmp_path_factory.mktemp('synthetic') / request.param
    generate(out, request.param, workers=1, **SMALL)
    return out, request.param
