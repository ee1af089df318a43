"""Files that are something else, images of all shapes, full disks: one sentence each."""
import errno
import json
import os
import sys
from urllib.error import URLError

import cv2
import numpy as np
import pytest
import torch
from limits import full_disk
from media import picture, write_video
from mmengine.runner import CheckpointLoader
from test_run import images, options, write_labels  # noqa: F401

from udapose.adaptation import training
from udapose.adaptation.detector_boxes import DetectorBoxes
from udapose.adaptation.find_media import find_media
from udapose.adaptation.forgetting import check_source
from udapose.adaptation.frames import FrameOptions, choose_frames
from udapose.adaptation.own_labels import unknown_labels
from udapose.adaptation.run import Adaptation
from udapose.adaptation.start_model import prepare_start
from udapose.adaptation.video import Media
from udapose.cli import _experiment, main
from udapose.model_files import read_checkpoint
from udapose.visualization.video_file import VideoFile


def test_images_of_all_shapes_and_depths(tmp_path):
    random = np.random.default_rng(0)
    for name, shape, kind in (('a', (1, 1, 3), np.uint8), ('b', (3, 4000, 3), np.uint8),
                              ('c', (4000, 3, 3), np.uint8), ('d', (90, 70), np.uint16),
                              ('e', (90, 70, 4), np.uint8), ('f', (90, 70), np.uint8)):
        cv2.imwrite(str(tmp_path / f'{name}.png'),
                    random.integers(0, np.iinfo(kind).max, shape).astype(kind))
    for name in ('html.jpg', 'text.mp4', 'zero.MOV'):
        (tmp_path / name).write_text('<html>' * (name[0] != 'z'))
    (tmp_path / 'nowhere.png').symlink_to(tmp_path / 'no.png')
    (tmp_path / 'circle').symlink_to(tmp_path)
    write_video(tmp_path / 'v.AVI', 6)
    (tmp_path / 'folder.mp4').mkdir()
    cv2.imwrite(str(tmp_path / 'folder.mp4/g.png'), picture(3))
    said = []
    content = choose_frames(find_media(tmp_path), tmp_path / 'frames', FrameOptions(),
                            progress=said.append)
    assert {f['source'] for f in content['frames']} == {
        *(f'{n}.png' for n in 'abcdef'), 'v.AVI', 'folder.mp4/g.png'}
    assert {line.split(':')[0].strip() for line in said[:-1]} == {
        'html.jpg', 'text.mp4', 'zero.MOV', 'nowhere.png'}
    sizes = {f['source']: (f['width'], f['height']) for f in content['frames']}
    assert sizes['b.png'] == (1600, 1) and sizes['c.png'] == (1, 1600)


def test_files_without_permission_are_said(tmp_path, monkeypatch):
    write_video(tmp_path / 'v.avi', 3)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)  # root may read everything
    media = Media(tmp_path / 'v.avi')
    assert media.problem == 'may not be read: no permission' and not list(media)


@pytest.mark.skipif(sys.platform != 'linux', reason='names of other systems are text')
def test_names_that_are_no_text(tmp_path):
    for name in (b'caf\xe9.png', b'a.png', b'\xff/b.png'):
        path = os.fsencode(tmp_path) + b'/' + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(cv2.imencode('.png', picture(0))[1].tobytes())
    said = []
    assert [m.name for m in find_media(tmp_path, say=said.append)] == ['a.png']
    assert said == ['2 files are left out, as their names are no text in UTF-8 '
                    "(such as 'caf\\udce9.png'): rename them"]
    (tmp_path / 'a.png').unlink()
    with pytest.raises(FileNotFoundError, match='no video and no image in .*2 other files'):
        find_media(tmp_path)


def test_a_still_scene_has_no_near_duplicates_that_are_left_out(tmp_path):
    write_video(tmp_path / 'v.avi', 30, present=lambda step: False)
    content = choose_frames(find_media(tmp_path), tmp_path / 'frames', FrameOptions(),
                            progress=lambda text: None)
    counts = content['counts']
    assert counts['chosen'] + counts['held_back'] == 30 and not counts['near-duplicates']


def test_files_of_another_kind_are_named(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture(0))
    for name, content in (('a.pth', b'text'), ('b.json', b'[1]'), ('c.py', b'\xff\xfe\x00')):
        (tmp_path / name).write_bytes(content)
    for config in ('a.png', 'c.py'):
        with pytest.raises(ValueError, match=rf'{config} cannot be read as a config'):
            prepare_start(tmp_path / config, 'x', tmp_path / 'start')
    with pytest.raises(ValueError, match=r'--detector-checkpoint .*a\.pth is no file of weights'):
        DetectorBoxes([1], checkpoint=str(tmp_path / 'a.pth'))
    with pytest.raises(ValueError, match=r'--source: .*b\.json has no "annotations"'):
        check_source(tmp_path / 'b.json', tmp_path, ['nose'])


def test_weights_that_cannot_be_downloaded_are_to_be_fetched_elsewhere(monkeypatch):
    def offline(*_, **__):
        raise URLError('Name or service not known')
    monkeypatch.setattr(CheckpointLoader, 'load_checkpoint', offline)
    with pytest.raises(RuntimeError, match=r'https://x/a\.pth cannot be downloaded .*not known'
                                           r'.*fetch it elsewhere .*--checkpoint FILE'):
        read_checkpoint('https://x/a.pth')
    with pytest.raises(RuntimeError, match='gone.pth cannot be read .*name the weights of this'):
        read_checkpoint('gone.pth')


@pytest.mark.parametrize('command', ['predict', 'export'])
def test_commands_name_a_config_or_checkpoint_that_is_none(command, synth_like_model, tmp_path):
    config, checkpoint = map(str, synth_like_model)
    folder, out = tmp_path / 'data', str(tmp_path / 'out')
    folder.mkdir()
    cv2.imwrite(str(folder / 'a.png'), picture(0))
    (tmp_path / 'text.pth').write_text('text')
    torch.save(torch.zeros(3), tmp_path / 'tensor.pth')
    content = torch.load(checkpoint, weights_only=False)
    lost = content['state_dict'].popitem()[0]
    torch.save(content, tmp_path / 'short.pth')
    torch.save(dict(state_dict=dict(other=torch.zeros(1))), tmp_path / 'other.pth')
    for files, message in (
            ((str(folder / 'a.png'), checkpoint), 'a.png cannot be read as a config'),
            ((config, str(tmp_path / 'text.pth')), 'text.pth cannot be read'),
            ((config, str(tmp_path / 'tensor.pth')), 'tensor.pth holds a Tensor, no weights'),
            ((config, str(tmp_path / 'other.pth')), 'neither a student-teacher nor a plain'),
            ((config, str(tmp_path / 'short.pth')), f'1 not in the checkpoint, e.g. {lost}')):
        with pytest.raises(SystemExit, match=message):
            main(['export', *files, '--out', out] if command == 'export' else [
                'predict', '--config', files[0], '--checkpoint', files[1], '--data', str(folder),
                '--out', out])
    assert not (tmp_path / 'out').exists()


def test_labels_of_what_the_data_do_not_hold(tmp_path):
    write_video(tmp_path / 'v.avi', 6)
    cv2.imwrite(str(tmp_path / 'a.png'), picture(0))
    media = find_media(tmp_path)
    frames = [dict(file='000007.jpg', source='v.avi', index=3)]
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(dict(images=[
        dict(id=i, file_name=name, frame=frame) for i, (name, frame) in enumerate((
            ('v.avi', 3), ('a.png', 0), ('frames/000007.jpg', 0), ('v.avi', 500),
            ('other.png', 0), ('frames/000099.jpg', 0)))])))
    assert unknown_labels(str(path), frames, media) == [
        'v.avi: no frame 500 can be read', 'other.png: no such file',
        'frames/000099.jpg: no such file']


def test_a_run_says_which_labels_count_for_nothing(
        synth_like_model, images, tmp_path, capfd):  # noqa: F811
    from udapose.adaptation.predictor import Predictor
    labels = write_labels(tmp_path / 'mine.json', Predictor(*synth_like_model).names,
                          images=['03.png', 'no.png'])
    Adaptation(options(synth_like_model, images, tmp_path / 'run', labels=str(labels),
                       dry_run=True)).run()
    assert '--labels: 1 labelled images are not in the data (no.png: no such file)' in \
        capfd.readouterr().out


# ------------------------------------------------------------------ full disks
def test_a_video_that_did_not_fit_on_the_disk(tmp_path):
    random = np.random.default_rng(0)
    with full_disk(20_000), VideoFile(tmp_path / 'a.mp4', 10) as film:
        for _ in range(8):
            film.write(random.integers(0, 255, (120, 160, 3)).astype(np.uint8))
        with pytest.raises(OSError, match='a.part.mp4 was not written to its end: is the disk'):
            film.finish()
    assert not (tmp_path / 'a.mp4').exists()


def test_a_training_that_fills_the_disk(tmp_path, monkeypatch):
    class Job:
        log = 'train.log'

        def __init__(self, *args):
            pass

    def wait(jobs):
        raise RuntimeError(f'adaptation failed; the end of its log:\n{log}')
    monkeypatch.setattr(_experiment, 'Job', Job)
    monkeypatch.setattr(_experiment, 'wait', wait)
    monkeypatch.setattr(training, 'follow', lambda folder: None)
    log = 'OSError: [Errno 28] No space left on device'
    with pytest.raises(OSError, match='No space left') as error:
        training.train(tmp_path, 'x', 'cpu')
    assert error.value.errno == errno.ENOSPC and error.value.filename == str(tmp_path / 'work')
    log = 'ValueError: a\n  File x\nudapose.PreflightError: little room:\nfree some'
    with pytest.raises(RuntimeError) as error:
        training.train(tmp_path, 'x', 'cpu')
    assert str(error.value) == ('the training failed: udapose.PreflightError: little room:\n'
                                'free some (its log is train.log)')
    log = 'killed'
    with pytest.raises(RuntimeError, match='adaptation failed; the end'):
        training.train(tmp_path, 'x', 'cpu')


def test_the_command_says_that_it_can_be_repeated(
        synth_like_model, images, tmp_path):  # noqa: F811
    config, checkpoint = map(str, synth_like_model)
    with full_disk(400), pytest.raises(SystemExit, match=r"run\.json'\. What is finished stays"):
        main(['adapt', '--config', config, '--checkpoint', checkpoint, '--data', str(images),
              '--out', str(tmp_path / 'run')])
    assert not any((tmp_path / 'run').iterdir())
