"""Two calls in one folder: one is refused, what a killed one left is taken over."""
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from limits import full_disk
from test_run import images, options  # noqa: F401

from udapose.adaptation import folder_lock
from udapose.adaptation.folder_lock import FolderLock
from udapose.adaptation.run import Adaptation

#: A process of its own that imports nothing else, so that it begins at once.
BEGIN = (f'import sys; sys.path.insert(0, {str(Path(folder_lock.__file__).parent)!r})\n'
         'from folder_lock import FolderLock\nfrom pathlib import Path\n')


def process(code, *args):
    return subprocess.Popen([sys.executable, '-S', '-c', BEGIN + code, *map(str, args)],
                            stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder `run`."""
    other = process('with FolderLock(Path(sys.argv[1])):\n    print("held", flush=True)\n'
                    '    input()\n', tmp_path / 'run')
    assert other.stdout.readline() == 'held\n'
    yield other
    other.kill()
    other.wait()


def test_a_second_process_is_refused_until_the_first_has_ended(holder, tmp_path, capsys):
    with pytest.raises(RuntimeError, match=rf'run is in use by process {holder.pid} on .*: wait '
                       rf'for it, or end it .kill {holder.pid}., or give another --out'):
        FolderLock(tmp_path / 'run').__enter__()
    holder.communicate('\n')
    with FolderLock(tmp_path / 'run'):
        assert (tmp_path / 'run/.lock').exists()
    assert not list((tmp_path / 'run').iterdir()) and capsys.readouterr().out == ''


def test_what_a_killed_process_left_is_taken_over_with_a_word(holder, tmp_path, capsys):
    holder.kill()
    while (state := folder_lock._stat(holder.pid)[:1]) not in ([], ['Z']):
        assert state  # a zombie is dead, too: nobody has waited for it yet
    with FolderLock(tmp_path / 'run'):
        assert json.loads((tmp_path / 'run/.lock').read_text())['pid'] == os.getpid()
    assert f'process {holder.pid} on {platform.node()}' in capsys.readouterr().out


@pytest.mark.parametrize('change, message', [
    (dict(host='elsewhere'), r'process 7 on elsewhere, .* runs no longer, remove .*\.lock'),
    (dict(pid=os.getpid(), born=folder_lock._born(os.getpid())), 'it is this very process'),
    (dict(pid=os.getpid(), born='another'), None),  # the number is used again
    (dict(pid=2 ** 22 + 1), None), (dict(pid=10 ** 30), None), (dict(pid='x'), None)])
def test_whose_lock_it_is(change, message, tmp_path):
    content = {**dict(pid=7, host=platform.node(), born='1', since='now'), **change}
    (tmp_path / '.lock').write_text(json.dumps(content))
    if message:
        with pytest.raises(RuntimeError, match=message):
            FolderLock(tmp_path).__enter__()
        assert json.loads((tmp_path / '.lock').read_text()) == content
    else:
        with FolderLock(tmp_path):
            assert json.loads((tmp_path / '.lock').read_text())['since'] != 'now'


def test_a_lock_without_content(tmp_path, capsys):
    (tmp_path / '.lock').write_text('')
    with FolderLock(tmp_path):
        pass
    assert 'left unfinished' in capsys.readouterr().out


def test_of_many_that_find_a_left_lock_one_at_a_time_gets_it(tmp_path):
    (tmp_path / '.lock').write_text(json.dumps(
        dict(pid=2 ** 22 + 1, host=platform.node(), born='1', since='now')))
    code = '''
import os, time
print("ready", flush=True); input()
won = 0
for _ in range(10):
    try:
        with FolderLock(Path(sys.argv[1])):
            os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))  # fails if two are inside
            os.remove(sys.argv[2])
            won += 1
    except RuntimeError:
        time.sleep(0.001)
print("won", won)
'''
    others = [process(code, tmp_path, tmp_path / 'inside') for _ in range(4)]
    for other in others:
        assert other.stdout.readline() == 'ready\n'
    for other in others:
        other.stdin.write('\n')
        other.stdin.flush()
    texts = [other.communicate()[0] for other in others]
    assert all(other.returncode == 0 for other in others), texts
    assert sum(int(text.split()[-1]) for text in texts) >= 10


def test_a_run_is_refused_before_it_changes_anything(
        holder, synth_like_model, images, tmp_path):  # noqa: F811
    (tmp_path / 'run/run.json').write_text('{"options": "of the other one"}')
    with pytest.raises(RuntimeError, match=f'is in use by process {holder.pid}'):
        Adaptation(options(synth_like_model, images, tmp_path / 'run')).run()
    assert (tmp_path / 'run/run.json').read_text() == '{"options": "of the other one"}'


def test_a_disk_without_room_for_the_lock(tmp_path):
    with full_disk(20), pytest.raises(OSError, match='cannot be written .No space left'):
        FolderLock(tmp_path).__enter__()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='--out .*file/run cannot be written .*: name a folder'):
        FolderLock(tmp_path / 'file/run').__enter__()
