"""Names, folders, boxes, labels and options as users bring them."""
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from media import picture
from mmengine.config import Config
from mmpose.models import TopdownPoseEstimator
from test_run import images, options, write_labels  # noqa: F401

from udapose.adaptation.boxes import FileBoxes
from udapose.adaptation.config_changes import follow, new_keys
from udapose.adaptation.devices import device_environment, usable_device
from udapose.adaptation.find_media import find_media
from udapose.adaptation.forgetting import check_source, source_state
from udapose.adaptation.frames import FrameOptions, choose_frames
from udapose.adaptation.labels import check_joints
from udapose.adaptation.options import Options
from udapose.adaptation.run import Adaptation
from udapose.adaptation.start_model import find_model, prepare_start
from udapose.adaptation.steps import Steps
from udapose.adaptation.training import best_checkpoint
from udapose.adaptation.video import Frame
from udapose.cli.predict import find_plain
from udapose.export import plain_config
from udapose.file_io import write_json

JOINTS = ['nose', 'left_eye', 'right_eye']


# ------------------------------------------------------------------ files
def test_files_that_are_called_alike_keep_apart(tmp_path):
    for folder in ('home/a', 'away/a', 'b'):
        (tmp_path / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / folder / 'x.png'), picture(0))
    given = [tmp_path / 'home/a', tmp_path / 'away/a/x.png', tmp_path / 'b', tmp_path / 'b/x.png']
    media = find_media(given)
    assert [m.name for m in media] == ['home/a/x.png', 'away/a/x.png', 'b/x.png']
    assert [m.path.parent.parent.name for m in media][:2] == ['home', 'away']


def test_what_a_run_wrote_is_no_data(synth_like_model, tmp_path, capfd):
    data = tmp_path / 'data'
    data.mkdir()
    for i in range(6):
        cv2.imwrite(str(data / f'{i}.PNG'), picture(5 * i, seed=i))
    for _ in range(2):
        adaptation = Adaptation(options(synth_like_model, data, data / 'runs/one', dry_run=True))
        assert [m.name for m in adaptation.media] == [f'{i}.PNG' for i in range(6)]
        Steps(data / 'runs/one', {})
        (data / 'runs/one/frames').mkdir(exist_ok=True)
        cv2.imwrite(str(data / 'runs/one/frames/0.jpg'), picture(0))
    assert '1 files are left out: they are results' in capfd.readouterr().out
    # a folder that was asked for by name is data
    assert [m.name for m in find_media(data / 'runs/one/frames')] == ['0.jpg']
    with pytest.raises(ValueError, match='all data in .* are results'):
        find_media(data / 'runs')


def test_kinds_that_are_not_read_are_said(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture(0))
    for name in ('1.HEIC', '2.heic', '3.gif'):
        (tmp_path / name).write_bytes(b'x')
    said = []
    assert len(find_media(tmp_path, say=said.append)) == 1
    assert said == ['3 files are left out, as their kind is not read (1 .gif, 2 .heic): convert '
                    'them to JPEG or MP4']
    (tmp_path / 'a.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'no video and no image .*1 .gif, 2 .heic'):
        find_media(tmp_path)


def test_a_folder_that_is_called_as_an_alias(tmp_path, monkeypatch):
    (tmp_path / 'hand').mkdir()
    (tmp_path / 'other').mkdir()
    monkeypatch.chdir(tmp_path)
    assert 'hand' in str(find_model('hand')[0])
    with pytest.raises(FileNotFoundError, match='other has no config.py'):
        find_model('other')


# ------------------------------------------------------------------ frames
class Film:
    """A video of which the header promises too much, with a slow end."""
    is_video, problem, fps, size, name = True, '', 10., (160, 120), 'film'

    def __init__(self, times, claimed):
        self.times, self.frames = times, claimed

    def read(self, every=1, wanted=None):
        for index, time in enumerate(self.times):
            if index in wanted if wanted is not None else index % every == 0:
                yield Frame(picture(2 * index, seed=index), index, time, self.name)


@pytest.mark.parametrize('claimed', [0, 200, 2000])
def test_clips_are_in_the_end_that_exists_and_is_held_back(tmp_path, claimed):
    # 100 frames in 50 s, then 100 in 5 s, as of a camera in the dark and then in the light
    times = [*np.arange(100) / 2, *(50 + np.arange(100) / 20)]
    content = choose_frames([Film(times, claimed)], tmp_path / 'frames', FrameOptions(),
                            progress=lambda text: None)
    held = [f for f in content['frames'] if f['part'] == 'held_back']
    train = [f for f in content['frames'] if f['part'] == 'train']
    assert len({f['clip'] for f in held} - {-1}) >= 2
    assert max(f['time'] for f in train) < min(f['time'] for f in held)


# ------------------------------------------------------------------ boxes
def write(path: Path, content) -> str:
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize('name', ['/abs/data/kitchen/a #1.png', 'data/kitchen/a #1.png', 'a #1.png',
                                  'kitchen/a #1.png', 'data\\kitchen\\a #1.png'])
def test_names_in_files_of_boxes(tmp_path, name):
    path = write(tmp_path / 'b.json', [dict(file_name=name, bbox=[1, 2, 30, 40]),
                                       dict(file_name='x/other.png', bbox=[1, 2, 30, 40])])
    frame = Frame(np.zeros((100, 100, 3), np.uint8), 0, 0., 'kitchen/a #1.png')
    assert FileBoxes(path).boxes(frame)[0].tolist() == [[1, 2, 31, 42]]


def test_frames_of_videos_by_longer_names_and_as_text(tmp_path):
    path = write(tmp_path / 'b.json', [dict(file_name='/v/clip.mp4', frame=n, bbox=[1, 2, 30, 40])
                                       for n in ('3', 5.0)])
    frame = Frame(np.zeros((100, 100, 3), np.uint8), 3, 0., 'clip.mp4')
    assert len(FileBoxes(path).boxes(frame)[0]) == 1
    path = write(tmp_path / 'c.json', [dict(file_name=f'/{v}/clip.mp4', frame=3, bbox=[1, 2, 3, 4])
                                       for v in 'vw'])
    with pytest.raises(ValueError, match='clip.mp4 may be .* or .*: name images by their path'):
        FileBoxes(path).boxes(frame)


@pytest.mark.parametrize('entry, message', [
    (dict(frame='f12'), "entry 0 has frame 'f12'"), (dict(frame=None), 'entry 0 has frame None'),
    (dict(score='high'), "entry 0 has score 'high'"), (dict(score=None), 'score None')])
def test_bad_entries_of_boxes(tmp_path, entry, message):
    path = write(tmp_path / 'b.json', [dict(file_name='a.mp4', bbox=[1, 2, 3, 4], **entry)])
    with pytest.raises(ValueError, match=message):
        FileBoxes(path)


def test_boxes_without_area_and_crowds_are_counted(tmp_path):
    path = write(tmp_path / 'b.json', [
        dict(file_name='a.png', bbox=box, iscrowd=crowd) for box, crowd in (
            ([-500, 10, 60, 90], 0), ([80, 10, -40, 90], 0), ([10, 10, 50, 50], 1),
            ([-1e6, -1e6, 1e9, 1e9], 0))])
    finder = FileBoxes(path)
    boxes, scores = finder.boxes(Frame(np.zeros((100, 200, 3), np.uint8), 0, 0., 'a.png'))
    assert boxes.tolist() == [[0, 0, 200, 100]] and len(scores) == 1
    assert finder.counts['boxes outside of the image or without area left out'] == 2
    assert finder.counts['crowds (iscrowd) in b.json left out'] == 1


def test_a_file_of_boxes_is_read_before_any_work(synth_like_model, images, tmp_path):  # noqa: F811
    path = write(tmp_path / 'b.json', [])
    with pytest.raises(ValueError, match='holds no box'):
        Adaptation(options(synth_like_model, images, tmp_path / 'run', boxes=path))
    assert not (tmp_path / 'run').exists()


# ------------------------------------------------------------------ labels and source
def test_labels_as_tools_write_them(tmp_path):
    path = write_labels(tmp_path / 'a.json', JOINTS)
    content = json.loads(path.read_text())
    for annotation in content['annotations'][1:]:
        annotation['keypoints'] = None
    path.write_text(json.dumps(content))
    meta = dict(keypoint_id2name=dict(enumerate(JOINTS)))
    assert len(check_joints(path, meta, 3)[1]) == 1
    path.write_text(json.dumps({**content, 'annotations': []}))
    with pytest.raises(ValueError, match='labels no joint'):
        check_joints(path, meta, 3)


def test_labels_of_other_joints_stop_the_run_before_the_frames(
        synth_like_model, images, tmp_path):  # noqa: F811
    labels = write_labels(tmp_path / 'mine.json', JOINTS, images=['03.png'])
    with pytest.raises(ValueError, match='has 3 joints a person, the model predicts 22'):
        Adaptation(options(synth_like_model, images, tmp_path / 'run', labels=str(labels))).run()
    assert not (tmp_path / 'run/frames.json').exists()


def test_a_source_with_the_joints_in_another_order_is_refused(tmp_path):
    for i in range(6):
        cv2.imwrite(str(tmp_path / f'{i}.png'), picture(i))
    check_source(write_labels(tmp_path / 'a.json', JOINTS), tmp_path, JOINTS)
    with pytest.raises(ValueError, match=f'another order, .*: {", ".join(JOINTS)}'):
        check_source(write_labels(tmp_path / 'b.json', JOINTS[::-1]), tmp_path, JOINTS)
    with pytest.raises(ValueError, match='has more joints than the model'):
        check_source(tmp_path / 'a.json', tmp_path, JOINTS[:2])
    with pytest.raises(ValueError, match='--source: .* has 3 joints a person, the model .* 4'):
        check_source(tmp_path / 'a.json', tmp_path, [*JOINTS, 'neck'])
    (tmp_path / '4.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of its 6 images are not in .*example 4.png'):
        check_source(tmp_path / 'a.json', tmp_path, JOINTS)


@pytest.mark.parametrize('change, message', [
    (dict(images=[]), 'no person with labelled keypoints, "bbox"'),
    (dict(images=None), 'no person with labelled keypoints, "bbox"'),
    (dict(images=[dict(id=99, file_name='0.png')]), '"image_id" that is among its "images"'),
    (dict(images=[dict(id=0)]), 'needs "id" and "file_name"'),
    (dict(images=[dict(file_name='0.png')]), 'needs "id" and "file_name"'),
    (dict(images=[dict(id=0, file_name=5)]), r'"file_name" \(text\)'),
    (dict(images=['0.png']), 'needs "id" and "file_name"'),
    (dict(images=[dict(id=0, file_name=f'{i}.png') for i in range(2)]), 'have the same id')])
def test_a_source_that_nothing_can_be_trained_on_is_refused_before_the_work(
        tmp_path, change, message):
    cv2.imwrite(str(tmp_path / '0.png'), picture(0))
    path = write_labels(tmp_path / 'a.json', JOINTS, images=['0.png'])
    check_source(path, tmp_path, JOINTS)
    write(path, {**json.loads(path.read_text()), **change})
    with pytest.raises(ValueError, match=f'--source .*a.json.*{message}'):
        check_source(path, tmp_path, JOINTS)
    assert len(source_state(path, tmp_path)) == 3  # what a run asks for first


def test_a_source_without_boxes_is_refused_before_the_work(tmp_path):
    cv2.imwrite(str(tmp_path / '0.png'), picture(0))
    path = write_labels(tmp_path / 'a.json', JOINTS, images=['0.png'])
    content = json.loads(path.read_text())
    for annotation in content['annotations']:
        annotation.pop('bbox')
    write(path, content)
    with pytest.raises(ValueError, match='no person with labelled keypoints, "bbox"'):
        check_source(path, tmp_path, JOINTS)


# ------------------------------------------------------------------ options
@pytest.mark.parametrize('change, message', [
    (dict(iterations=0), '--iterations 0'), (dict(seed=-1), '--seed -1'),
    (dict(cfg_options=['no']), '--cfg-options no')])
def test_numbers_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        Options(data='x', out='y', **change)


def test_paths_of_pathlib_and_a_list_of_options(tmp_path):
    given = Options(data=tmp_path, out=tmp_path, checkpoint=tmp_path / 'a.pth',
                    cfg_options=['a.b=[1,2]'])
    assert given.checkpoint == str(tmp_path / 'a.pth') and given.cfg_options == {'a.b': [1, 2]}


def test_options_of_the_config(synth_like_model, images, tmp_path, capfd):  # noqa: F811
    cfg = Config(dict(a=dict(b=[dict(c=1)])))
    assert new_keys(cfg, {'a.b.0.c': 2, 'a.b.0.d': 2, 'e.f': 1}) == ['a.b.0.d', 'e.f']
    given = options(synth_like_model, images, tmp_path / 'run', dry_run=True)
    given.cfg_options.update({'train_cfg.max_iters': 'many', 'train_datloader.batch_size': 2})
    with pytest.raises(ValueError, match='does not work with these --cfg-options .TypeError'):
        Adaptation(given).run()
    assert 'train_datloader.batch_size: the config had no such key' in capfd.readouterr().out


def test_the_training_takes_the_device_that_was_named():
    assert device_environment('cpu', {}) == dict(CUDA_VISIBLE_DEVICES='')
    assert device_environment('cuda:1', {}) == dict(CUDA_VISIBLE_DEVICES='1')
    assert device_environment('cuda:1', dict(CUDA_VISIBLE_DEVICES='4,7')) == dict(
        CUDA_VISIBLE_DEVICES='7')
    with pytest.raises(ValueError, match='--device meta'):
        usable_device('meta')


# ------------------------------------------------------------------ steps and folders
def test_a_step_that_was_begun_again_is_no_longer_complete(tmp_path):
    def steps(value, work=lambda: None):
        return Steps(tmp_path / 'run', {}).run('one', 'one', dict(value=value), work)
    steps('a')
    with pytest.raises(KeyboardInterrupt):
        steps('b', lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
    done = []
    steps('a', lambda: done.append(1))  # its files may be of 'b' now
    assert done == [1]


def test_a_disk_that_was_full_at_the_first_moment(tmp_path):
    (tmp_path / 'run.json.part').write_text('')
    Steps(tmp_path, {})
    assert (tmp_path / 'run.json').exists()


def test_a_run_that_was_moved(tmp_path, monkeypatch):
    old, new = tmp_path / 'old, run', tmp_path / 'new'
    (old / 'work').mkdir(parents=True)
    Config(dict(load_from='https://x.org/a.pth', data=[dict(
        file=f'{old}/people.json', root=f'{old}/frames', other=f'{old}er/x')])).dump(
            str(old / 'config.py'))
    write_json(old / 'plan.json', dict(folder=str(old)))
    (old / 'work/iter_4.pth').touch()
    (old / 'work/last_checkpoint').write_text(f'{old}/work/iter_4.pth')
    shutil.move(old, new)
    for _ in range(2):
        follow(new)
        assert Config.fromfile(new / 'config.py').data[0].to_dict() == dict(
            file=f'{new}/people.json', root=f'{new}/frames', other=f'{old}er/x')
    assert (new / 'work/last_checkpoint').read_text() == f'{new}/work/iter_4.pth'
    assert best_checkpoint(new / 'work') == (new / 'work/iter_4.pth', 4)


def test_a_changed_config_is_noticed(synth_like_model, images, tmp_path, capfd,  # noqa: F811
                                     monkeypatch):
    shutil.copy(synth_like_model[0], tmp_path / 'mine.py')
    files = tmp_path / 'mine.py', synth_like_model[1]
    monkeypatch.setattr(Adaptation, '_check_labels', lambda self: 1 / 0)  # far enough
    for done in (False, True, False):
        with pytest.raises(ZeroDivisionError):
            Adaptation(options(files, images, tmp_path / 'run')).run()
        assert ('the start model: done before' in capfd.readouterr().out) == done
        if done:
            files[0].write_text(files[0].read_text() + '# changed\n')


def test_a_config_that_is_no_python(synth_like_model, images, tmp_path):  # noqa: F811
    (tmp_path / 'bad.py').write_text('model = dict(')
    with pytest.raises(ValueError, match='bad.py cannot be read as a config .SyntaxError'):
        Adaptation(options((tmp_path / 'bad.py', synth_like_model[1]), images,
                           tmp_path / 'run')).run()


def test_one_stage_models_are_refused_before_their_dependencies(tmp_path):
    (tmp_path / 'rtmo.py').write_text("model = dict(type='BottomupPoseEstimator', head='unknown')")
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='is not top-down'):
        prepare_start(tmp_path / 'rtmo.py', str(tmp_path / 'a.pth'), tmp_path / 'out')


def test_a_top_down_model_of_ones_own(synth_like_model, tmp_path):
    """A subclass counts as its parent; it was said to be bottom-up."""
    cfg = Config.fromfile(synth_like_model[0])
    cfg.model.type = f'{__name__}.MyEstimator'
    cfg.dump(tmp_path / 'mine.py')
    plain = prepare_start(tmp_path / 'mine.py', str(synth_like_model[1]), tmp_path / 'start')
    assert plain.model.type == cfg.model.type


class MyEstimator(TopdownPoseEstimator):
    """A user's."""


def test_the_hand_model_names_a_data_set_that_releases_lack():
    config, _ = find_model('hand')
    dataset = plain_config(Config.fromfile(config)).test_dataloader.dataset
    assert dataset.type == 'CombinedDataset' and len(dataset.datasets) >= 4
    assert len(dataset.metainfo.keypoint_info) == 21


def test_a_full_disk_is_not_a_wrong_checkpoint(synth_like_model, tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError('[enforce fail at inline_container.cc:671] . unexpected pos 64 vs 0')
    monkeypatch.setattr(torch, 'save', full)
    with pytest.raises(OSError, match='model.pth: is the disk full'):
        prepare_start(*synth_like_model[:1], str(synth_like_model[1]), tmp_path / 'start')
    assert not (tmp_path / 'start').exists()


def test_a_damaged_record_is_named(tmp_path):
    for name in ('config.py', 'model.pth'):
        (tmp_path / name).write_text('')
    (tmp_path / 'run.json').write_text('{')
    with pytest.raises(ValueError, match='run.json is no JSON file'):
        find_plain(tmp_path)
