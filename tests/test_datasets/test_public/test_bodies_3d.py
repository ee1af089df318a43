"""What all readers of people in 3D have in common."""
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_checks import LABELLED, NAMES, READERS, build, edit, reprojection
from mmpose.registry import DATASETS


@pytest.mark.parametrize('name', READERS)
def test_items_are_complete_project_onto_their_pixels_and_show_people_upright(name, minis):
    root, _ = minis[name]
    for split in DATASETS.get(name).SPLITS:
        data = build(name, root, split=split)
        assert len(data) > 1
        for info in data.data_list:
            assert info['keypoints'].shape == (1, 17, 2)
            assert info['keypoints_cam'].shape == (1, 17, 3)
            assert info['keypoints_cam'].dtype == info['intrinsics'].dtype == np.float32
            assert info['root_index'] == 0 and NAMES[0] == 'root'
            seen = info['keypoints_visible'][0] > 0
            assert seen.sum() == LABELLED[name]
            assert [n for n, s in zip(NAMES, seen) if not s] == ['head'] * (17 - seen.sum())
            assert reprojection(info) < 1
            # millimetres: hip to knee of an adult
            joints = dict(zip(NAMES, info['keypoints_cam'][0]))
            assert 300 < np.linalg.norm(joints['left_hip'] - joints['left_knee']) < 600
            # facing the camera: the right side is at smaller x; feet are below the neck
            for part in ('hip', 'shoulder', 'wrist', 'foot', 'knee', 'elbow'):
                assert joints[f'right_{part}'][0] < joints[f'left_{part}'][0]
            assert joints['left_foot'][1] > joints['thorax'][1]
            if info['id'] < 2 and name != 'Surreal3DDataset':  # whose dots are small for a jpg
                image = cv2.imread(info['img_path'])
                for x, y in info['keypoints'][0, [1, 2, 3, 5, 12, 15]]:  # a red dot
                    dot = image[int(round(y)), int(round(x))]
                    assert dot[2] > 150 and dot[0] < 120
            box, points = info['bbox'][0], info['keypoints'][0][seen]
            if name != 'Surreal3DDataset':  # whole crops
                assert (points >= box[:2] - 1).all() and (points <= box[2:] + 1).all()
        bare = build(name, root, split=split, labels=False)
        assert len(bare) == len(data) and not {'keypoints', 'keypoints_cam'} & set(bare[0])


@pytest.mark.parametrize('name', READERS)
def test_a_wrong_root_and_a_half_extracted_archive_are_told(name, minis, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'(?s)Point data_root.*data_root/'):
        build(name, tmp_path / 'elsewhere')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='data_root/'):
        build(name, tmp_path / 'empty')
    root, _ = minis[name]
    whole = build(name, root, split='test')
    gone = Path(whole[0]['img_path'])
    others = sum(info['img_path'] == str(gone) for info in whole.data_list)
    edit(tmp_path / 'half', root, gone.relative_to(root), lambda old, new: None)
    with pytest.raises(FileNotFoundError, match='1 of the annotated images do not exist'):
        build(name, tmp_path / 'half', split='test')
    kept = build(name, tmp_path / 'half', split='test', on_missing='skip')
    assert len(kept) == len(whole) - others


def test_the_pages_configs_are_those_of_the_readers(repository):
    page = (repository / 'docs/data_bodies_3d.md').read_text()
    configs = [eval(line) for line in re.findall(r'^dict\(type=.*\)$', page, re.MULTILINE)]
    assert {cfg['type'] for cfg in configs} == set(READERS)
    for cfg in configs:
        with pytest.raises(FileNotFoundError, match=cfg['data_root']):  # all arguments are known
            DATASETS.build(dict(cfg, data_root='/nonexistent/' + cfg['data_root']))
