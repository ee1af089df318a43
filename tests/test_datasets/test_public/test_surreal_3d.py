"""Reader of SURREAL in 3D, on miniatures in the original format."""
import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_checks import NAMES, build, edit, paths


def test_surreal_left_is_right_and_shoulders_are_no_collars(minis):
    root, truth = minis['Surreal3DDataset']
    data = build('Surreal3DDataset', root, split='test', protocol='clean')
    for info in data.data_list:
        cam = truth['test'][Path(info['img_path']).name]['cam']
        keep = [j for j, n in enumerate(NAMES) if n not in ('head', 'spine')]
        np.testing.assert_allclose(info['keypoints_cam'][0, keep], cam[keep], rtol=1e-4, atol=0.05)


def test_surreal_published_split_and_all_images(minis):
    root, _ = minis['Surreal3DDataset']
    for split in ('train', 'test'):
        names = [f'{run}/{entry["name"]}' for run in ('run0', 'run1', 'run2')
                 for entry in json.loads((root / split / f'{run}.json').read_text())]
        every = build('Surreal3DDataset', root, split=split, protocol='clean')
        assert paths(every) == [f'{root}/{split}/{n}' for n in names]
        random.Random(42).shuffle(names)
        expected = names[:6] if split == 'test' else names[6:]  # 20 % of 30
        data = build('Surreal3DDataset', root, split=split)
        assert paths(data) == [f'{root}/{split}/{n}' for n in expected]
        size = cv2.imread(data[0]['img_path']).shape[0]
        np.testing.assert_array_equal(data[0]['bbox'], [[0, 0, size, size]])


def test_surreal_units_crops_and_damage(minis, tmp_path):
    root, truth = minis['Surreal3DDataset']
    plain = build('Surreal3DDataset', root, split='test', protocol='clean')

    def make(tag, change):
        def rewrite(old, new):
            new.write_text(json.dumps([change(entry) for entry in json.loads(old.read_text())]))
        out = tmp_path / tag
        edit(out, root, 'test/run0.json', rewrite)
        for run in ('run1', 'run2'):
            (out / f'test/{run}.json').unlink()
            rewrite(root / f'test/{run}.json', out / f'test/{run}.json')
        return dict(root=out, split='test', protocol='clean')

    def times_1000(entry):
        return dict(entry, keypoint3d=(1000 * np.array(entry['keypoint3d'])).tolist())
    data = build('Surreal3DDataset', **make('mm', times_1000))
    np.testing.assert_allclose(data[4]['keypoints_cam'], plain[4]['keypoints_cam'], rtol=1e-5)

    whole = [[600., 0, 160], [0, 600, 120], [0, 0, 1]]
    data = build('Surreal3DDataset', **make('crop', lambda e: dict(e, intrinsic_matrix=whole)))
    assert [n for text, n in data.report.items() if 'corrected' in text] == [30]
    for one, two in zip(data.data_list, plain.data_list):
        np.testing.assert_allclose(one['intrinsics'], two['intrinsics'], rtol=1e-3, atol=0.1)

    def old_centre(entry):  # x and y re-derived from cropped pixels with the old matrix
        points = np.array(entry['keypoint3d'])
        points[:, :2] = (np.array(entry['keypoint2d']) - (160, 120)) / 600 * points[:, 2:]
        return dict(entry, keypoint3d=points.tolist(), intrinsic_matrix=whole)
    data = build('Surreal3DDataset', **make('old', old_centre))
    assert [n for text, n in data.report.items() if 'not those of the true camera' in text] == [30]

    for tag, change, match in (
            ('no3d', lambda e: {k: v for k, v in e.items() if k != 'keypoint3d'}, "has no"),
            ('shape', lambda e: dict(e, keypoint3d=e['keypoint3d'][:17]), 'is not \\(24, 3\\)'),
            ('mixed', lambda e: dict(e, keypoint2d=np.random.default_rng(
                len(str(e))).uniform(0, 150, (24, 2)).tolist()), 'another release')):
        with pytest.raises(ValueError, match=match):
            build('Surreal3DDataset', **make(tag, change))
    half = edit(tmp_path / 'half', root, 'test/run1.json',
                lambda old, new: new.write_text(old.read_text()[:-40]))
    with pytest.raises(ValueError, match=r'run1\.json is no JSON file.*truncated'):
        build('Surreal3DDataset', half, split='test')
    first = Path(plain[0]['img_path']).relative_to(root)
    edit(tmp_path / 'image', root, first, lambda old, new: new.write_bytes(b'jpeg'))
    options = dict(root=tmp_path / 'image', split='test', protocol='clean')
    with pytest.raises(OSError, match='1 images cannot be read'):
        build('Surreal3DDataset', **options)
    assert len(build('Surreal3DDataset', on_missing='skip', **options)) == len(plain) - 1
