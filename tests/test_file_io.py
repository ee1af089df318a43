"""Files that are whole or not there."""
import json

import numpy as np
import pytest
import torch
from limits import full_disk

from udapose.cli import _experiment
from udapose.file_io import read_json, write_json, write_whole


def test_json_of_numbers_of_all_kinds(tmp_path):
    write_json(tmp_path / 'a.json', dict(b=np.float32(0.5), a=[torch.tensor(3), tmp_path, 'Ä']))
    text = (tmp_path / 'a.json').read_text(encoding='utf-8')
    assert json.loads(text) == dict(b=0.5, a=[3, str(tmp_path), 'Ä'])
    assert text.startswith('{\n "b"') and text.endswith('}\n')
    write_json(tmp_path / 'a.json', [1, 2], indent=None)
    assert (tmp_path / 'a.json').read_text() == '[1, 2]\n'
    _experiment.write_json(tmp_path / 'new/b.json', dict(b=1, a=2))
    assert (tmp_path / 'new/b.json').read_text() == '{\n "a": 2,\n "b": 1\n}\n'
    assert [p.name for p in sorted(tmp_path.rglob('*.*'))] == ['a.json', 'b.json']


@pytest.mark.parametrize('content', [b'{"a": 1', b'', b'\xff\xfe'])
def test_a_damaged_file_is_named_with_the_remedy(content, tmp_path):
    path = tmp_path / 'plan.json'
    write_json(path, dict(a=1))
    assert read_json(path) == dict(a=1)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'plan.json is damaged \(.*\): remove it, and it is made'):
        read_json(path)
    record = tmp_path / _experiment.RECORD
    record.write_bytes(content)
    (tmp_path / 'last_checkpoint').touch()
    with pytest.raises(ValueError, match='run_record.json is damaged .*remove it alone'):
        _experiment.check_record(tmp_path, tmp_path / 'config.py', {})


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / 'a.txt'
    write_whole(path, 'old')
    with full_disk(1000), pytest.raises(OSError, match=r"too large: '.*a\.txt'"):
        write_whole(path, b'x' * 2000)
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt'] and path.read_text() == 'old'
