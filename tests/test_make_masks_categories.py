"""udapose make-masks on files of several categories, and with ids that are text."""
import json

import cv2
import numpy as np
import pytest

from udapose.cli import main
from udapose.datasets.derived_masks import derive_mask
from udapose.datasets.mask_skeleton import Skeleton

LOW, HIGH = [10, 10, 2], [70, 50, 2]
#: The trunk keeps the last three, of which the masks are made, out of the hull.
NAMES = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip', 'a', 'b', 'c']
#: Two categories with the same number of joints, whose bones differ.
CATEGORIES = [dict(id=1, name='x', keypoints=NAMES, skeleton=[[5, 6]]),
              dict(id=2, name='y', keypoints=NAMES, skeleton=[[6, 7]])]


@pytest.fixture
def make(tmp_path):
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/1.png'), np.zeros((60, 80, 3), np.uint8))

    def run(annotations, *args, categories=CATEGORIES, out='masks', image_id=1):
        (tmp_path / 'a.json').write_text(json.dumps(dict(
            images=[dict(id=image_id, file_name='1.png')], categories=categories,
            annotations=annotations)))
        status = main([
            'make-masks', str(tmp_path / 'images'), '--ann-file', str(tmp_path / 'a.json'), '--out',
            str(tmp_path / out), '--method', 'hull', '--workers', '1', '--sheet', '0', *args])
        return status, cv2.imread(str(tmp_path / out / '1.png'), 0)
    return run


def entry(category, id=1, image_id=1):
    return dict(id=id, image_id=image_id, category_id=category, bbox=[0, 0, 80, 60],
                keypoints=[0] * 12 + [*LOW, *HIGH, 10, 55, 2])


def expected(category):
    bones = [(4, 5)] if category == 1 else [(5, 6)]
    mask, _ = derive_mask(np.zeros((60, 80, 3), np.uint8), [entry(1)], 'hull',
                          Skeleton(bones, NAMES))
    return mask


def test_each_category_has_its_own_bones(make):
    assert not np.array_equal(expected(1), expected(2))
    for category in (1, 2):
        both = [entry(1), entry(2, 2)]
        status, mask = make(both, '--category-ids', str(category), out=f'only{category}')
        assert status == 0
        np.testing.assert_array_equal(mask, expected(category))
    np.testing.assert_array_equal(make(both, out='all')[1], expected(1) | expected(2))


def test_categories_of_other_sizes(make):
    """Two joints are not held against the seven of the first category."""
    other = dict(id=2, name='y', keypoints=['a', 'b'], skeleton=[[1, 2]])
    hand = dict(id=5, image_id=1, category_id=2, bbox=[0, 0, 80, 60], keypoints=[*LOW, *HIGH])
    status, mask = make([hand], '--category-ids', '2', categories=[CATEGORIES[0], other])
    assert status == 0 and mask[30, 40] == 255


def test_a_category_without_keypoints(make, capsys):
    plain = dict(id=3, name='z')
    box = dict(id=1, image_id=1, category_id=3, bbox=[5, 5, 10, 10])
    assert make([box], '--method', 'box', categories=[*CATEGORIES, plain])[0] == 0
    assert make([entry(3)], out='other', categories=[*CATEGORIES, plain])[0] == 1
    assert 'annotation 1 has keypoints, but "categories" names none for its category_id 3 ' \
        '(only for [1, 2])' in capsys.readouterr().err
    nameless = {k: v for k, v in entry(1).items() if k != 'category_id'}
    status, mask = make([nameless], out='one', categories=CATEGORIES[:1])
    assert status == 0
    np.testing.assert_array_equal(mask, expected(1))


def test_ids_may_be_text(make):
    """Also in one of the lists only."""
    for out, image_id in (('a', 'photo'), ('b', '1')):
        annotation = entry('2', 'x', 'photo' if out == 'a' else 1)
        categories = [dict(c, id=str(c['id'])) for c in CATEGORIES]
        status, mask = make([annotation], '--category-ids', '2', categories=categories, out=out,
                            image_id=image_id)
        assert status == 0
        np.testing.assert_array_equal(mask, expected(2))
