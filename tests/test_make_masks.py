"""Masks from keypoints and boxes, and the tool that writes them."""
import json
import re

import cv2
import numpy as np
import pytest

from udapose.cli import _mask_compare, main
from udapose.datasets.derived_masks import (
    METHODS,
    MaskOptions,
    box_mask,
    derive_mask,
    grabcut_mask,
    hull_mask,
)
from udapose.datasets.mask_skeleton import Skeleton
from udapose.synthetic import HANDS, PEOPLE, generate

LINE = Skeleton([(0, 1)], ['a', 'b'])


def visible(*points):
    return np.array([[x, y, 2] for x, y in points], float)


def distance_to_segment(shape, a, b):
    """Slow reference: distance of every pixel centre to a segment."""
    y, x = np.mgrid[:shape[0], :shape[1]]
    p, a, d = np.stack([x, y], -1) - np.array(a, float), np.array(a), np.subtract(b, a)
    t = np.clip(p @ d / max(d @ d, 1e-9), 0, 1)
    return np.linalg.norm(p - t[..., None] * d, axis=-1)


@pytest.mark.parametrize('a,b', [((20, 20), (60, 45)), ((20.5, 30.25), (70.75, 30.25)),
                                 ((40, 40), (40, 40))])
@pytest.mark.parametrize('radius', [4., 9.5])
def test_a_limb_is_a_capsule(a, b, radius):
    mask = hull_mask((80, 100), visible(a, b), [(0, 1)], [], radius)
    distance = distance_to_segment((80, 100), a, b)
    assert (mask[distance < radius - 1.2] == 255).all()
    assert (mask[distance > radius + 1.2] == 0).all()


def test_hull_of_a_group_is_filled_and_dilated():
    square = visible((30, 30), (60, 30), (60, 60), (30, 60), (45, 45))
    mask = hull_mask((90, 90), square, [], [[0, 1, 2, 3, 4]], 5.)
    assert (mask[30:61, 30:61] == 255).all()
    assert (mask[27:64, 40] == 255).all() and not mask[:24].any() and not mask[67:].any()
    assert mask[25, 25] == 0  # corners are round


def test_unlabelled_joints_are_left_out():
    points = visible((20, 20), (60, 20), (40, 60))
    points[2, 2] = 0
    mask = hull_mask((80, 80), points, [(0, 1), (1, 2)], [[0, 1, 2]], 4.)
    assert not mask[26:].any() and mask[20, 40] == 255
    points[1] = np.nan, np.nan, 2
    assert not hull_mask((80, 80), points, [(0, 1)], [], 4.)[:, 30:].any()


@pytest.mark.parametrize('box,expected', [
    ((2, 3, 4, 5), np.s_[3:8, 2:6]), ((-5, -5, 8, 100), np.s_[:20, :3]),
    ((25, 25, 5, 5), np.s_[0:0, 0:0])])
def test_boxes_are_clipped(box, expected):
    truth = np.zeros((20, 20), np.uint8)
    truth[expected] = 255
    np.testing.assert_array_equal(box_mask((20, 20), box), truth)


def test_names_tell_trunk_head_and_palm():
    body = Skeleton(PEOPLE.bones, PEOPLE.names)
    trunk, head = ({body.names[i] for i in group} for group in body.groups(22))
    assert not body.is_hand and 'left_hip' in trunk and 'nose' in head
    assert not {'left_wrist', 'left_elbow', 'left_knee'} & (trunk | head)
    hand = Skeleton(HANDS.bones, HANDS.names)
    assert hand.is_hand and len(hand.groups(21)) == 1
    assert [hand.names[i] for i in hand.groups(21)[0]] == [
        'wrist', 'thumb1', 'forefinger1', 'middle_finger1', 'ring_finger1', 'pinky_finger1']
    assert Skeleton([], ['tail', 'beak', 'wing']).groups(3) == [[0, 1, 2]]
    assert hand.radius(None, [0, 0, 10, 100]) == 6 and body.radius(0.2, [0, 0, 100, 50]) == 20


def blob(noise=20):
    """A green ellipse on a noisy grey wall, its truth and box."""
    rng = np.random.default_rng(0)
    truth = np.zeros((80, 100), np.uint8)
    cv2.ellipse(truth, (50, 40), (26, 18), 20, 0, 360, 255, -1)
    color = np.where(truth[..., None] > 0, (40, 160, 60), (120, 120, 120))
    image = np.clip(color + rng.normal(0, noise, color.shape), 0, 255).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(truth)
    return image, truth > 0, [x - 2, y - 2, w + 4, h + 4]


def iou(mask, truth):
    return _mask_compare.scores(np.asarray(mask) > 127, truth)[0]


@pytest.mark.parametrize('side', [256, 40])
def test_grabcut_finds_the_object_in_its_box(side):
    image, truth, box = blob()
    mask = grabcut_mask(image, box, options=MaskOptions(grabcut_side=side))
    assert iou(box_mask(truth.shape, box), truth) < 0.75
    assert iou(mask, truth) > (0.97 if side == 256 else 0.9)
    again = grabcut_mask(image, box, options=MaskOptions(grabcut_side=side))
    np.testing.assert_array_equal(mask, again)


def test_grabcut_without_a_background_falls_back():
    image, truth, _ = blob()
    whole = [0, 0, 100, 80]
    assert grabcut_mask(image, whole) is None
    assert grabcut_mask(image, [200, 200, 10, 10]) is None
    mask, fallbacks = derive_mask(image, [dict(bbox=whole)], 'grabcut', Skeleton())
    assert fallbacks == 1 and (mask == 255).all()


def test_instances_are_united_and_crowds_passed_over():
    image = np.zeros((40, 60, 3), np.uint8)
    entries = [dict(bbox=[2, 2, 10, 10]), dict(bbox=[40, 20, 10, 10]),
               dict(bbox=[0, 0, 60, 40], iscrowd=1)]
    mask, _ = derive_mask(image, entries, 'box', LINE)
    np.testing.assert_array_equal(mask, box_mask((40, 60), entries[0]['bbox'])
                                  | box_mask((40, 60), entries[1]['bbox']))
    assert derive_mask(image, entries[2:], 'box', LINE) == (None, 0)
    assert derive_mask(image, entries[:1], 'hull', LINE) == (None, 0)  # no keypoints
    nobody = [dict(keypoints=[0] * 6)]
    assert all(derive_mask(image, nobody, m, LINE) == (None, 0) for m in METHODS)


def test_keypoints_serve_without_a_box():
    image = np.zeros((60, 80, 3), np.uint8)
    entry = dict(keypoints=[20, 30, 2, 60, 30, 1])
    hull, _ = derive_mask(image, [entry], 'hull', LINE, MaskOptions(dilate=0.1))
    box, _ = derive_mask(image, [entry], 'box', LINE, MaskOptions(dilate=0.1))
    assert hull[30, 20:61].all() and not hull[:25].any() and not (hull & ~box).any()


def test_bad_annotations():
    image = np.zeros((40, 60, 3), np.uint8)
    with pytest.raises(ValueError, match='annotation 7 has 1 keypoints, but the category names 2'):
        derive_mask(image, [dict(id=7, keypoints=[1, 1, 2])], 'hull', LINE)
    with pytest.raises(ValueError, match="method 'snake'"):
        derive_mask(image, [], 'snake', LINE)


def test_scores_by_hand():
    a, b = np.zeros((2, 4), bool), np.zeros((2, 4), bool)
    a[0, :3] = b[0, 1:] = b[1, 0] = True  # 3 and 4 pixels, 2 common
    assert _mask_compare.scores(a, b) == pytest.approx((2 / 5, 2 / 3, 2 / 4))
    assert _mask_compare.scores(a & False, b & False) == (1, 1, 1)
    assert _mask_compare.scores(a, b & False) == (0, 0, 1)


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    out = tmp_path_factory.mktemp('people')
    generate(out, kind='people', size=96, source_train=8, target_train=2, val=1, test=1, workers=1)
    return out / 'source'


def run(people, *args, images=None, workers=1):
    return main(['make-masks', str(images or people / 'images/train'), '--ann-file', str(
        people / 'annotations/train.json'), '--workers', str(workers), *map(str, args)])


def test_tool_writes_resumes_and_reports(people, tmp_path, capsys):
    out = tmp_path / 'masks'
    assert run(people, '--out', out, '--method', 'hull', '--sheet', 4) == 0
    assert '8 masks written, 0 kept' in capsys.readouterr().out
    for path in (people / 'masks/train').iterdir():
        mask = cv2.imread(str(out / path.name), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (96, 96) and set(np.unique(mask)) == {0, 255}
        assert iou(mask, cv2.imread(str(path), 0) > 127) > 0.5
    assert cv2.imread(str(out / 'contact_sheet.png')).shape == (320, 640, 3)
    assert not [p for p in out.iterdir() if p.name.startswith('.')]

    # an interruption loses what it had not finished, and only that
    kept = (out / '000001.png').stat().st_mtime_ns
    first = (out / '000000.png').read_bytes()
    (out / '000000.png').unlink()
    assert run(people, '--out', out, '--method', 'hull') == 0
    assert '1 masks written, 7 kept' in capsys.readouterr().out
    assert (out / '000000.png').read_bytes() == first
    assert (out / '000001.png').stat().st_mtime_ns == kept

    assert run(people, '--out', out, '--method', 'box') == 2
    assert 'holds masks made with method=hull, not method=box: ' in capsys.readouterr().err
    assert run(people, '--out', out, '--method', 'hull', '--category-ids', 1) == 2
    assert 'made with category_ids=None, not category_ids=[1]: ' in capsys.readouterr().err


def test_keypoints_without_a_skeleton_are_said(people, tmp_path, capsys):
    """Limbs were missing in the masks, in silence."""
    content = json.loads((people / 'annotations/train.json').read_text())
    assert run(people, '--out', tmp_path / 'a', '--method', 'hull') == 0
    assert 'no "skeleton"' not in capsys.readouterr().err
    del content['categories'][0]['skeleton']
    (tmp_path / 'plain.json').write_text(json.dumps(content))
    assert main(['make-masks', str(people / 'images/train'), '--ann-file', str(
        tmp_path / 'plain.json'), '--workers', '1', '--method', 'hull', '--out', str(
        tmp_path / 'b')]) == 0
    assert 'category 1 has keypoints and no "skeleton"' in capsys.readouterr().err


def test_number_of_processes_does_not_matter(people, tmp_path):
    files = []
    for workers in (1, 2):
        assert run(people, '--out', tmp_path / str(workers), workers=workers) == 0
        files.append([p.read_bytes() for p in sorted((tmp_path / str(workers)).glob('0*.png'))])
    assert len(files[0]) == 8 and files[0] == files[1]


def test_tool_names_images_without_annotation_and_broken_ones(people, tmp_path, capsys):
    images = tmp_path / 'images'
    (images / 'sub').mkdir(parents=True)
    for i in range(2):
        (images / f'{i:06d}.png').write_bytes(
            (people / f'images/train/{i:06d}.png').read_bytes())
    (images / 'sub/new.png').write_bytes((images / '000000.png').read_bytes())
    (images / '000001.png').write_bytes(b'broken')
    assert run(people, '--out', tmp_path / 'masks', '--method', 'box', images=images) == 1
    printed = capsys.readouterr()
    assert '1 images without a usable annotation have no mask' in printed.out
    assert 'sub/new.png' in printed.out and '000001.png: cannot be decoded' in printed.err
    summary = json.loads((tmp_path / 'masks/make_masks.json').read_text())
    assert summary['without_annotation'] == ['sub/new.png'] and summary['written'] == 1
    assert not (tmp_path / 'masks/000001.png').exists()


def test_tool_takes_detections(tmp_path, capsys):
    image, truth, box = blob()
    (tmp_path / 'images/a').mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'images/a/1.png'), image)
    (tmp_path / 'boxes.json').write_text(json.dumps([dict(
        file_name='a/1.png', bbox=[float(v) for v in box], score=0.9)]))
    assert main(['make-masks', str(tmp_path / 'images'), '--ann-file', str(tmp_path / 'boxes.json'),
                 '--out', str(tmp_path / 'masks'), '--workers', '1']) == 0
    assert iou(cv2.imread(str(tmp_path / 'masks/a/1.png'), 0), truth) > 0.97


def test_masks_of_other_annotations_are_not_kept(tmp_path, capsys):
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/1.png'), blob()[0])

    def make(x, *args, name='boxes.json', out='masks'):
        (tmp_path / name).write_text(json.dumps([dict(file_name='1.png', bbox=[x, 5, 9, 9])]))
        status = main(['make-masks',
            str(tmp_path / 'images'), '--ann-file', str(tmp_path / name), '--out',
            str(tmp_path / out), '--method', 'box', '--workers', '1', '--sheet', '0', *args])
        return (status, *capsys.readouterr())

    assert make(5)[0] == 0 and '1 kept' in make(5, name='renamed.json')[1]
    status, _, error = make(50)
    assert status == 2 and re.search('annotations=sha256:.*, not annotations=sha256:.*--out', error)
    assert cv2.imread(str(tmp_path / 'masks/1.png'), 0)[9, 9] == 255
    # those of a version that did not record it
    summary = tmp_path / 'masks/make_masks.json'
    summary.write_text(re.sub('"annotations": "sha256:[0-9a-f]*"', '"other": 0',
                              summary.read_text()))
    assert 'made with annotations=unknown, not annotations=sha256' in make(5)[2]


def test_comparison_is_a_table(people, capsys):
    assert run(people, '--compare', people / 'masks/train', '--title', 'mine') == 0
    rows = [line.split(' | ') for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[2] for row in rows] == [*_mask_compare.VARIANTS]
    assert all(row[0] == '| mine' and row[1] == '8' for row in rows)
    ious = {row[2]: float(row[3]) for row in rows}
    assert ious['box'] < ious['hull'] < ious['GrabCut from the hull']
    assert run(people, '--compare', people / 'nothing') == 2
    assert 'is missing or unreadable' in capsys.readouterr().err


@pytest.mark.parametrize('content,message', [
    ('{"images": []}', 'neither a list of detections'), ('x', 'is no JSON file'),
    ('[{"bbox": [0, 0, 1, 1]}]', 'annotation 0 has no "file_name"'),
    ('[{"file_name": "other.png", "bbox": [0, 0, 1, 1]}]', r'as "other.png"\)')])
def test_bad_files_are_one_line(people, tmp_path, content, message, capsys):
    (tmp_path / 'bad.json').write_text(content)
    assert main(['make-masks', str(people / 'images/train'), '--ann-file',
                 str(tmp_path / 'bad.json'), '--out', str(tmp_path / 'masks')]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count('\n') == 1


def test_bad_folders_and_options(people, tmp_path, capsys):
    assert run(people, '--out', people / 'images/train/masks') == 2
    assert 'choose another' in capsys.readouterr().err
    (tmp_path / 'empty').mkdir()
    assert run(people, '--out', tmp_path / 'masks', images=tmp_path / 'empty') == 2
    assert 'no images in' in capsys.readouterr().err
    for bad in ([], ['--out', 'x', '--workers', '0'], ['--out', 'x', '--dilate', '2'],
                ['--out', 'x', '--compare', 'y']):
        with pytest.raises(SystemExit):
            main(['make-masks', 'images', '--ann-file', 'a', *bad])


def test_two_images_with_one_mask(tmp_path, capsys):
    image, _, box = blob()
    for name in ('1.png', '1.jpg'):
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / 'boxes.json').write_text(json.dumps([
        dict(file_name=name, bbox=[float(v) for v in box]) for name in ('1.png', '1.jpg')]))
    assert main(['make-masks', str(tmp_path), '--ann-file', str(tmp_path / 'boxes.json'), '--out',
                 str(tmp_path.parent / 'masks_of_two')]) == 2
    assert 'would get the same mask' in capsys.readouterr().err
