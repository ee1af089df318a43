"""udapose make-masks on files of several categories, and with ids that are text."""
import json
import re

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


@pytest.mark.parametrize('category', ['2', 2., 2])
@pytest.mark.parametrize('listed', [str, int])
def test_a_category_may_be_text_in_one_place_only(make, category, listed):
    """'names none for its category_id 2 (only for [1, 2])' it said."""
    status, mask = make([entry(category)],
                        categories=[dict(c, id=listed(c['id'])) for c in CATEGORIES])
    assert status == 0
    np.testing.assert_array_equal(mask, expected(2))


NAN = float('nan')
LABELLED = r'annotation 7 has labelled joints \(\[4\]\) that are null or not finite'


@pytest.mark.parametrize('change,message', [
    (dict(bbox=[NAN, 0, 80, 60]), r'annotation 7 has bbox \[nan, 0, 80, 60\]: expected four fin'),
    (dict(bbox=[0, 0, None, 60]), r'annotation 7 has bbox \[0, 0, None, 60\]: expected four fin'),
    (dict(bbox=[0, 0, float('inf'), 60]), 'annotation 7 has bbox .* expected four finite'),
    (dict(bbox=[0, 0, 80]), 'annotation 7 has bbox .* expected four finite'),
    (dict(bbox='unknown'), 'annotation 7 has bbox that are not numbers'),
    (dict(keypoints=[0] * 12 + [None, None, 2, *HIGH, 10, 55, 2]), LABELLED),
    (dict(keypoints=[0] * 12 + [10, NAN, 2, *HIGH, 10, 55, 2], bbox=None), LABELLED),
    (dict(keypoints=[0] * 12 + [10, 10, None, *HIGH, 10, 55, 2]), LABELLED),
    (dict(keypoints=[1, 2, 2, 3]), 'annotation 7 has keypoints that are not x, y, v')])
def test_numbers_that_are_none_are_named(make, capsys, change, message):
    """null in a box stopped the whole command with a TypeError."""
    status, mask = make([dict(entry(1), id=7, **change)])
    assert status == 1 and mask is None
    assert re.search(f'1.png: {message}', capsys.readouterr().err)


def test_unlabelled_joints_may_hold_anything(make):
    points = entry(1)['keypoints']
    points[:3] = [None, NAN, 0]
    for change in (dict(keypoints=points), dict(keypoints=points, bbox=[])):
        status, mask = make([dict(entry(1), **change)], out=f'masks{len(change)}')
        assert status == 0 and mask[30, 40] == 255
    assert make([dict(entry(1), keypoints=None)], '--method', 'box', out='box')[0] == 0


def test_names_of_windows(make, tmp_path):
    (tmp_path / 'images/sub').mkdir()
    cv2.imwrite(str(tmp_path / 'images/sub/2.png'), np.zeros((60, 80, 3), np.uint8))
    boxes = [dict(id=i, file_name=name, bbox=[0, 0, 40, 40]) for i, name in enumerate(
        ('1.png', 'sub\\2.png'))]
    boxes.append(dict(id=3, file_name=None, image_id=1, bbox=[50, 50, 10, 10]))
    status, mask = make(boxes, '--method', 'box')
    assert status == 0 and mask[55, 55] == 255
    assert cv2.imread(str(tmp_path / 'masks/sub/2.png'), 0)[20, 20] == 255


def test_joints_without_names_have_a_hull(make):
    """A file whose categories describe no keypoints got dots around the joints alone."""
    corners = [v for x, y in ((10, 10), (70, 10), (70, 50), (10, 50)) for v in (x, y, 2)]
    annotation = dict(entry(1), keypoints=corners)
    status, mask = make([annotation], categories=[dict(id=1, name='x')])
    assert status == 0 and (mask[12:49, 12:69] == 255).all()


@pytest.mark.parametrize('bone', [[0, 1], [5, 8]])
def test_bones_of_joints_that_there_are_not(make, capsys, bone):
    """Counted from 0, the first joint was the last one."""
    category = dict(CATEGORIES[0], skeleton=[[2, 3], bone])
    assert make([entry(1)], categories=[category])[0] == 2
    assert f'category 1 names joints {min(2, *bone)} to {max(3, *bone)}: COCO numbers its 7 ' \
        'keypoints from 1' in capsys.readouterr().err


@pytest.mark.parametrize('method', ['hull', 'box', 'grabcut'])
def test_a_box_outside_of_the_image_makes_no_mask(make, capsys, method):
    """All black masks were written, of images in which everything is background."""
    status, mask = make([dict(entry(1), bbox=[200, 200, 80, 60])], '--method', method)
    assert status == 0 and mask is None
    assert '1 images without a usable annotation have no mask' in capsys.readouterr().out
