"""Determinism, resumption and refusals of the writer and of the command line."""

import hashlib
import json
import shutil
from collections import namedtuple

import pytest

from udapose.synthetic import Parameters, SyntheticDataError, generate, generator, make_sample
from udapose.synthetic.__main__ import main
from udapose.synthetic.sample import DOMAINS

TINY = dict(size=64, source_train=5, target_train=4, val=3, test=2, seed=7)


def digest(folder):
    """Content of every file below a folder."""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.fixture(params=['people', 'hands'])
def kind(request):
    return request.param


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(generator, 'CHUNK', 2)


def test_same_bytes_for_any_number_of_workers(tmp_path, kind, small_chunks):
    for workers in (1, 2, 3):
        generate(tmp_path / str(workers), kind, workers=workers, **TINY)
    reference = digest(tmp_path / '1')
    assert len(reference) == 2 * (5 + 4 + 2 * 3 + 2 * 2) + 6 + 2
    assert digest(tmp_path / '2') == reference
    assert digest(tmp_path / '3') == reference


def test_samples_do_not_depend_on_the_counts(tmp_path, kind):
    generate(tmp_path / 'a', kind, workers=1, **TINY)
    generate(tmp_path / 'b', kind, workers=1, **dict(TINY, source_train=8, val=4))
    a, b = digest(tmp_path / 'a'), digest(tmp_path / 'b')
    images = [name for name in a if '/images/' in name or '/masks/' in name]
    assert images and all(a[name] == b[name] for name in images)


def test_other_seed_domain_split_or_index_gives_other_images(kind):
    def image(seed=0, domain='source', split='train', index=0):
        counts = {d: dict(train=9, val=9, test=9) for d in DOMAINS}
        sample = make_sample(Parameters(kind, 64, seed, counts), domain, split, index)
        return sample.image.tobytes()

    assert image() == image()
    others = [image(seed=1), image(domain='target'), image(split='val'), image(index=1)]
    assert len({image(), *others}) == 5


@pytest.mark.parametrize('workers', [1, 2])
def test_resume_gives_the_same_bytes(tmp_path, small_chunks, workers):
    generate(tmp_path / 'whole', 'people', workers=1, **TINY)

    class Interrupted(Exception):
        pass

    def stop(done, total):
        if done >= 6:
            raise Interrupted

    out = tmp_path / 'parts'
    with pytest.raises(Interrupted):
        generate(out, 'people', workers=workers, progress=stop, **TINY)
    assert not (out / 'meta.json').exists()
    kept = {p: p.stat().st_mtime_ns for p in (out / '.partial').glob('source-train-*.json')}
    assert kept
    # A file of an unfinished chunk may be torn.
    (out / 'target' / 'images' / 'test').mkdir(parents=True, exist_ok=True)
    if not (out / '.partial' / 'target-test-000000.json').exists():
        (out / 'target' / 'images' / 'test' / '000000.jpg').write_bytes(b'torn')
    written = []
    generate(out, 'people', workers=1, progress=lambda d, t: written.append(d), **TINY)
    assert written[0] >= 6, 'finished chunks were rendered again'
    assert digest(out) == digest(tmp_path / 'whole')


def test_finished_data_set_returns_at_once(tmp_path, monkeypatch):
    first = generate(tmp_path, 'people', workers=1, **TINY)
    before = digest(tmp_path)

    def fail(*args):
        raise AssertionError('rendered again')

    monkeypatch.setattr(generator, '_render', fail)
    assert generate(tmp_path, 'people', **TINY) == json.loads(json.dumps(first))
    assert digest(tmp_path) == before


@pytest.mark.parametrize('change', [dict(seed=8), dict(size=65), dict(val=4)])
def test_other_parameters_on_the_same_folder(tmp_path, change):
    generate(tmp_path, 'people', workers=1, **TINY)
    with pytest.raises(SyntheticDataError) as error:
        generate(tmp_path, 'people', workers=1, **dict(TINY, **change))
    message = str(error.value)
    assert 'meta.json' in message and '--out' in message
    name = next(iter(change))
    assert ('counts' if name == 'val' else name) in message


def test_unfinished_folder_with_other_parameters(tmp_path):
    (tmp_path / '.partial').mkdir()
    (tmp_path / '.partial' / 'parameters.json').write_text('{"kind": "hands"}')
    with pytest.raises(SyntheticDataError, match='unfinished.*kind is "hands", wanted "people"'):
        generate(tmp_path, 'people', workers=1, **TINY)


def test_foreign_or_damaged_folder(tmp_path):
    (tmp_path / 'a' / 'source').mkdir(parents=True)
    with pytest.raises(SyntheticDataError, match='no meta.json'):
        generate(tmp_path / 'a', 'people', workers=1, **TINY)
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b' / 'meta.json').write_text('{"kind": ')
    with pytest.raises(SyntheticDataError, match='meta.json is damaged'):
        generate(tmp_path / 'b', 'people', workers=1, **TINY)


def test_unwritable_folder(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SyntheticDataError, match='Cannot write to the folder .*file/data.*--out'):
        generate(tmp_path / 'file' / 'data', 'people', workers=1, **TINY)


def test_small_disk(tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage(10**9, 10**9 - 10**5, 10**5))
    with pytest.raises(SyntheticDataError, match=r'MB needed for 19 images, 0 MB available'):
        generate(tmp_path, 'people', workers=1, **TINY)
    assert not list(tmp_path.iterdir())


def test_estimated_space_suffices(data_set, small_parameters):
    from udapose.synthetic.output_folder import estimated_bytes
    out, _ = data_set
    images = 2 * (12 + 6 + 8)
    used = sum(-(-p.stat().st_size // 4096) * 4096 for p in (out / 'source').rglob('*.*')
               ) + sum(-(-p.stat().st_size // 4096) * 4096 for p in (out / 'target').rglob('*.*'))
    assert used < estimated_bytes(images, small_parameters['size']) < 4 * used


@pytest.mark.parametrize('bad, message', [
    (dict(kind='cats'), "kind is 'cats'; choose one of people, hands"),
    (dict(size=32), 'size is 32; choose 64 to 256'), (dict(seed=-1), 'seed is -1'),
    (dict(val=-1), 'source val images is -1')])
def test_parameters_out_of_range(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        generate(tmp_path, **dict(dict(TINY, kind='people', workers=1), **bad))


def test_command_line(tmp_path, capsys):
    arguments = ['--kind', 'hands', '--out', str(tmp_path / 'hands'), '--size', '64',
                 '--source-train', '3', '--target-train', '2', '--val', '1', '--test', '1',
                 '--workers', '1']
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert '9 images of hands' in output.out
    assert '9/9 images' in output.err
    assert main(arguments) == 0
    assert main([*arguments, '--seed', '4']) == 2
    assert 'meta.json' in capsys.readouterr().err
    assert main([*arguments, '--workers', '0']) == 2
    assert '--workers is 0' in capsys.readouterr().err
