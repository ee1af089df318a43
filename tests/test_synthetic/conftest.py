import pytest

from udapose.synthetic import generate

SMALL = dict(size=64, source_train=12, target_train=12, val=6, test=8, seed=3)


@pytest.fixture(scope='session')
def small_parameters():
    """Parameters of the small data sets, without the kind."""
    return dict(SMALL)


@pytest.fixture(scope='session', params=['people', 'hands', 'people version 2'])
def data_set(request, tmp_path_factory):
    """(folder, kind) of a small data set made by one process."""
    out = tmp_path_factory.mktemp('synthetic') / request.param.replace(' ', '_')
    kind, *version = request.param.split(' version ')
    generate(out, kind, workers=1, **SMALL, **({'version': int(version[0])} if version else {}))
    return out, kind
