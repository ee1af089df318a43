"""GroupedPCK(mode='published') against an independent slow implementation, and rule by rule."""
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import METRICS

from udapose.evaluation import JOINT_GROUPS
from udapose.evaluation.joint_groups import scored_joints
from udapose.joint_sets import JOINT_SETS, published_groups

SIDE = 64


def metric(**kwargs):
    return METRICS.build(dict(dict(type='GroupedPCK', mode='published', thresholds=[0.05]),
                              **kwargs))


def target_map(x, y, visible, animal=False):
    """One Gaussian map by the rules of the published data sets; x, y: input pixels (of 256)."""
    out = np.zeros((SIDE, SIDE))
    if not visible:
        return out
    if animal:
        cx, cy, sigma = int(x / 4), int(y / 4), 1
        if min(cx, cy) - 3 * sigma < 0 or max(cx, cy) + 3 * sigma + 1 >= SIDE or min(x, y) < 0:
            return out
    else:
        cx, cy, sigma = int(np.floor(x / 4 + 0.5)), int(np.floor(y / 4 + 0.5)), 2
        if not (0 <= cx < SIDE and 0 <= cy < SIDE):
            return out
    for row in range(max(0, cy - 3 * sigma), min(SIDE, cy + 3 * sigma + 1)):
        for column in range(max(0, cx - 3 * sigma), min(SIDE, cx + 3 * sigma + 1)):
            out[row, column] = np.exp(-((row - cy)**2 + (column - cx)**2) / (2 * sigma**2))
    return out


def peak(heat):
    best, where = 0., (0, 0)
    for row in range(heat.shape[0]):
        for column in range(heat.shape[1]):
            if heat[row, column] > best:
                best, where = heat[row, column], (column, row)
    return where


def slow(samples, num_joints, batch_size, animal=False):
    """Per joint, with maps, loops and running means, as the official evaluation goes about it."""
    total, weight = [0.] * num_joints, [0.] * num_joints
    for start in range(0, len(samples), batch_size):
        batch = samples[start:start + batch_size]
        for j in range(num_joints):
            hits = count = 0
            for s in batch:
                x, y = s['input_points'][j]
                gx, gy = peak(target_map(x, y, s['gt_instances']['keypoints_visible'][0, j] > 0,
                                         animal))
                if not (gx > 1 and gy > 1):
                    continue
                px, py = peak(s['pred_fields']['heatmaps'][j].numpy())
                hits += np.hypot((px - gx) / 6.4, (py - gy) / 6.4) < 0.5
                count += 1
            if count:
                total[j] += len(batch) * hits / count
                weight[j] += len(batch)
    return [100 * t / w if w else 0. for t, w in zip(total, weight, strict=True)]


def make(points, cells, visible=None, index=0, value=1., **meta):
    """A sample whose input is 256 pixels of side 512; ``points`` in input pixels, predicted maps
    with one positive cell each."""
    points = np.asarray(points, float)
    visible = np.ones(len(points)) if visible is None else np.asarray(visible)
    maps = torch.full((len(points), SIDE, SIDE), -1.)
    for j, (x, y) in enumerate(cells):
        maps[j, y, x] = value
    image = points * 2 + np.array([30., -20.])
    return dict(
        pred_instances=dict(keypoints=image[None]), pred_fields=dict(heatmaps=maps),
        gt_instances=dict(keypoints=np.float32(image[None]), keypoints_visible=visible[None]),
        input_size=(256, 256), input_center=np.array([256 + 30., 256 - 20.]),
        input_scale=np.array([512., 512.]), id=index, img_path=f'{index}.jpg',
        input_points=points, **meta)


def random_samples(num, joints, seed, **meta):
    rng = np.random.default_rng(seed)
    out = []
    for i in range(num):
        points = rng.integers(-40, 1100, (joints, 2)) / 4  # quarter pixels: ties included
        points[rng.random(joints) < 0.2] = rng.integers(0, 12, 2)  # near the corner
        cells = np.clip(np.round(points / 4 + rng.normal(0, 2.2, points.shape)), 0, 63).astype(int)
        sample = make(points, cells, rng.random(joints) < 0.8, i, **meta)
        maps = sample['pred_fields']['heatmaps']
        maps += torch.from_numpy(rng.random(maps.shape)) * 0.5
        maps[rng.random(joints) < 0.1] -= 5.  # no positive value
        out.append(sample)
    return out


def evaluate(samples, batch=7, **kwargs):
    m = metric(**kwargs)
    for i in range(0, len(samples), batch):
        m.process({}, samples[i:i + batch])
    return m.evaluate(len(samples))


@pytest.mark.parametrize('seed,batch_size,protocol',
                         [(0, 4, 'body'), (1, 5, 'body'), (2, 1, 'animal'), (3, 4, 'animal')])
def test_equals_the_slow_reference_on_random_heatmaps(seed, batch_size, protocol):
    samples = random_samples(14, 5, seed)
    expected = slow(samples, 5, batch_size, protocol == 'animal')
    groups = dict(a=[0, 1], b=[2], c=[3, 4])
    got = evaluate(samples, groups=groups, batch_size=batch_size, protocol=protocol)
    assert got['PCK@0.05'] == pytest.approx(np.mean(expected), abs=1e-9)
    for name, members in groups.items():
        assert got[f'PCK@0.05/{name}'] == pytest.approx(np.mean(np.array(expected)[members]))
    assert 5 < got['PCK@0.05'] < 95


def test_the_label_is_a_cell_of_the_target_map():
    """x = 101.9 is cell 25 (25.475 + 0.5 cut off); the prediction in cell 28 is 3 away: correct.
    From the exact position it would be 2.5 away; cell 29 (3.5) is wrong, although 22 is right."""
    for cell, right in ((22, 1), (28, 1), (29, 0), (21, 0)):
        assert evaluate([make([[101.9, 80]], [(cell, 20)])])['PCK@0.05'] == 100 * right
    # 102 is exactly half-way and becomes 26
    assert evaluate([make([[102, 80]], [(29, 20)])])['PCK@0.05'] == 100


def test_strictly_below_3_point_2_cells():
    """dx^2 + dy^2 <= 10 counts, 11 cannot occur, 13 does not; exactly 3.2 of a 64 map never occurs,
    but exactly half of 6 cells does: 0.09375 * 64 = 6."""
    assert evaluate([make([[100, 100]], [(28, 26)])])['PCK@0.05'] == 100  # 3, 1
    assert evaluate([make([[100, 100]], [(28, 27)])])['PCK@0.05'] == 0  # 3, 2
    at = dict(thresholds=[6 / 64])
    assert evaluate([make([[100, 100]], [(31, 25)])], **at)['PCK@0.09375'] == 0  # exactly 6
    assert evaluate([make([[100, 100]], [(30, 25)])], **at)['PCK@0.09375'] == 100


def test_real_joints_in_the_first_two_columns_and_rows_do_not_count():
    good = make([[100, 100]], [(25, 25)])
    for x, y in ((4, 100), (100, 4), (5.9, 100)):
        bad = make([[x, y]], [(60, 60)], index=1)
        assert evaluate([good, bad])['PCK@0.05'] == 100
    assert evaluate([good, make([[6, 100]], [(60, 60)], index=1)])['PCK@0.05'] == 50  # cell 2


def test_joints_without_a_target_map_do_not_count():
    good = make([[100, 100]], [(25, 25)])
    invisible = make([[100, 100]], [(60, 60)], [0], index=1)
    outside = make([[254, 100]], [(60, 60)], index=1)  # 63.5 + 0.5 = cell 64
    inside = make([[253.9, 100]], [(0, 60)], index=1)  # cell 63: the map is clipped, but there
    assert evaluate([good, invisible])['PCK@0.05'] == 100
    assert evaluate([good, outside])['PCK@0.05'] == 100
    assert evaluate([good, inside])['PCK@0.05'] == 50


def test_animals_need_the_whole_window_and_cells_are_cut_off():
    """Sigma 1: centres from cell 3 to 59 (60 + 3 + 1 reaches 64), without the half."""
    good = make([[100, 100]], [(25, 25)])
    for x, counts in ((11.9, 0), (12, 1), (239.9, 1), (240, 0)):
        other = make([[x, 100]], [(60, 60)], index=1)
        got = evaluate([good, other], protocol='animal')['PCK@0.05']
        assert got == (50 if counts else 100), x
    # 103 / 4 = 25.75 is cell 25 of an animal and 26 of a body
    assert evaluate([make([[103, 100]], [(22, 25)])], protocol='animal')['PCK@0.05'] == 100
    assert evaluate([make([[103, 100]], [(22, 25)])])['PCK@0.05'] == 0


def test_a_map_without_a_positive_value_predicts_the_corner():
    """(0, 0) is 2.83 cells from (2, 2): right by accident, and wrong anywhere else."""
    for value in (0., -0.5):
        assert evaluate([make([[8, 8]], [(40, 40)], value=value)])['PCK@0.05'] == 100
        assert evaluate([make([[160, 160]], [(40, 40)], value=value)])['PCK@0.05'] == 0


def test_running_mean_is_weighted_by_batch_size_not_by_valid_joints():
    """Batch 1 (4 samples): one valid joint, right. Batch 2 (2 samples): two valid ones, wrong.
    Published: (4 * 1 + 2 * 0) / 6; by joints it would be a third."""
    right, wrong = ([[100, 100]], [(25, 25)]), ([[100, 100]], [(50, 50)])
    samples = [make(*right), *[make(*wrong, [0], index=i) for i in (1, 2, 3)],
               make(*wrong, index=4), make(*wrong, index=5)]
    assert evaluate(samples, batch_size=4)['PCK@0.05'] == pytest.approx(100 * 4 / 6)
    assert evaluate(samples, batch_size=1)['PCK@0.05'] == pytest.approx(100 / 3)


def test_a_batch_without_a_valid_joint_is_skipped_for_that_joint():
    right = ([[100, 100]], [(25, 25)])
    samples = [make(*right), make(*right, [0], index=1)]
    assert evaluate(samples, batch_size=1)['PCK@0.05'] == 100


def test_a_joint_that_never_counts_is_zero_in_the_mean():
    sample = make([[100, 100], [100, 100]], [(25, 25), (25, 25)], [1, 0])
    assert evaluate([sample])['PCK@0.05'] == 50
    exact = METRICS.build(dict(type='GroupedPCK', thresholds=[0.05]))
    exact.process({}, [sample])
    assert exact.evaluate(1)['PCK@0.05'] == 100


def test_groups_are_plain_means_over_joints_and_the_head_is_not_in_the_mean():
    cells = [(25, 25)] * 16
    cells[9] = cells[12] = (50, 50)  # head top and right shoulder are wrong
    got = evaluate([make([[100, 100]] * 16, cells)], groups='body16')
    assert got['PCK@0.05'] == pytest.approx(100 * 11 / 12)
    assert got['PCK@0.05/head'] == 0 and got['PCK@0.05/shoulder'] == 50
    assert got['PCK@0.05/ankle'] == 100


def test_by_species_beside_all():
    right, wrong = [(25, 25), (25, 25)], [(50, 50), (25, 25)]
    samples = [make([[100, 100]] * 2, right if i % 2 else wrong, index=i,
                    species='horse' if i % 2 else 'tiger') for i in range(6)]
    got = evaluate(samples, by='species', groups=dict(eye=[0], chin=[1]))
    assert got == {'PCK@0.05': 75, 'PCK@0.05/eye': 50, 'PCK@0.05/chin': 100,
                   'PCK@0.05/horse': 100, 'PCK@0.05/horse/eye': 100, 'PCK@0.05/horse/chin': 100,
                   'PCK@0.05/tiger': 50, 'PCK@0.05/tiger/eye': 0, 'PCK@0.05/tiger/chin': 100}
    exact = METRICS.build(dict(type='GroupedPCK', by='species', thresholds=[0.05]))
    for s in samples:
        s['pred_instances']['keypoints'] = s['gt_instances']['keypoints'] \
            + (0 if s['species'] == 'horse' else 100)
    exact.process({}, samples)
    assert exact.evaluate(6) == {'PCK@0.05': 50, 'PCK@0.05/horse': 100, 'PCK@0.05/tiger': 0}


def test_data_loader_batches_order_and_processes_do_not_matter():
    samples = random_samples(23, 3, 5)
    expected = evaluate(samples, batch_size=4)
    assert evaluate(samples, batch=1, batch_size=4) == expected
    # two processes take turns, and the last sample is repeated to fill up: MMEngine cuts it off
    parts = [metric(batch_size=4) for _ in range(2)]
    for rank, part in enumerate(parts):
        part.process({}, [*samples, samples[0]][rank::2])
    together = [r for pair in zip(*(p.results for p in parts), strict=True) for r in pair]
    assert parts[0].compute_metrics(together[:23]) == expected
    assert evaluate(samples[::-1], batch_size=4) == expected
    assert evaluate(samples, batch_size=32) != expected


def test_decoded_predictions_give_the_same_as_heatmaps():
    samples = random_samples(20, 4, 8)
    expected = evaluate(samples)
    codec = MSRAHeatmap((256, 256), (SIDE, SIDE), sigma=2)
    for s in samples:
        points, _ = codec.decode(s.pop('pred_fields')['heatmaps'].numpy())
        # as TopdownPoseEstimator brings them to the image
        s['pred_instances']['keypoints'] = np.float32(
            points / s['input_size'] * s['input_scale'] + s['input_center']
            - 0.5 * s['input_scale'])
    assert evaluate(samples) == expected


def test_refined_predictions_are_refused():
    sample = random_samples(1, 4, 8)[0]
    del sample['pred_fields']
    sample['pred_instances']['keypoints'] = sample['pred_instances']['keypoints'] + 3.1
    with pytest.raises(ValueError, match='refined further.*output_heatmaps=True.*MSRAHeatmap'):
        evaluate([sample])


@pytest.mark.parametrize('kwargs,change,message', [
    (dict(batch_size=0), {}, 'batch_size=0 must be at least 1'),
    (dict(protocol='fish'), {}, "protocol='fish' is not one of"),
    (dict(mode='offical'), {}, "mode='offical' is not 'exact' or 'published'"),
    (dict(mode='exact', batch_size=3), {}, "batch_size belongs to mode='published'"),
    (dict(by='species'), {}, r"0.jpg has no 'species'.*meta_keys"),
    ({}, dict(input_size=(192, 256)), 'must be square'),
    ({}, dict(pred_fields=dict(heatmaps=torch.full((1, 4, 4), torch.nan))), 'not finite'),
])
def test_bad_input_is_named(kwargs, change, message):
    with pytest.raises(ValueError, match=message):
        evaluate([dict(make([[100, 100]], [(25, 25)]), **change)], **kwargs)


def test_nothing_counts_is_an_error():
    with pytest.raises(ValueError, match='none of the evaluated joints .* of species=horse'):
        evaluate([make([[100, 100]], [(9, 9)], [0], species='horse'),
                  make([[100, 100]], [(9, 9)], index=1, species='tiger')], by='species')


@pytest.mark.parametrize('name', JOINT_SETS)
def test_every_joint_set_is_a_preset(name):
    num = len(JOINT_SETS[name].names)
    groups, scored = published_groups(name)
    got = evaluate([make([[100, 100]] * num, [(25, 25)] * num)], groups=name)
    assert set(got) == {'PCK@0.05', *(f'PCK@0.05/{g}' for g in groups)}
    assert JOINT_GROUPS[name] == groups and scored_joints(name, None) == list(scored)
    assert len(scored) == dict(body16=12, body17=17, hand21=21, animal18=18, animal14=14)[name]
    assert metric(groups=name).batch_size == (1 if name.startswith('animal') else 32)
