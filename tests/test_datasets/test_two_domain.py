"""Two domains behind one index, and batches through a data loader."""
import copy
import json

import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS
from tiny_data import KEYPOINTS, SWAPS, make_metainfo

FIVE = [k for k in KEYPOINTS if k != 'pelvis'][::-1]


def config(tiny, pipelines, **kwargs):
    return dict(type='TwoDomainDataset', source=dict(tiny.source, pipeline=pipelines.source),
                target=dict(tiny.target, pipeline=pipelines.target), **kwargs)


@pytest.mark.parametrize('lazy_init', [False, True])
def test_indices_and_metainfo(tiny, pipelines, lazy_init):
    dataset = DATASETS.build(config(tiny, pipelines, lazy_init=lazy_init))
    assert (len(dataset), dataset.num_source, dataset.num_target) == (13, 8, 5)
    assert dataset.metainfo['dataset_name'] == 'tiny_source'
    dataset.metainfo.clear()
    assert dataset.metainfo['num_keypoints'] == 6
    for idx, branches in ((0, {'source'}), (7, {'source'}),
                          (8, {'target_teacher', 'target_student'}),
                          (-1, {'target_teacher', 'target_student'})):
        item = dataset[idx]
        assert {k for k, v in item['inputs'].items() if v is not None} == branches
    assert dataset.get_data_info(7)['id'] == 107
    assert dataset.get_data_info(8)['img_path'].endswith('a.jpg')
    with pytest.raises(IndexError, match='13 is out of range'):
        dataset[13]


def convert(tiny, pipeline):
    """The source with 5 keypoints in reverse order, by MMPose's own means."""
    return dict(type='CombinedDataset', metainfo=make_metainfo('five', FIVE), pipeline=pipeline,
                datasets=[dict(tiny.source, pipeline=[dict(
                    type='KeypointConverter', num_keypoints=5,
                    mapping=[(KEYPOINTS.index(k), i) for i, k in enumerate(FIVE)])])])


def test_converted_source(tiny, pipelines):
    five = make_metainfo('five', FIVE)
    dataset = DATASETS.build(dict(
        type='TwoDomainDataset', source=convert(tiny, pipelines.source), metainfo=five,
        target=dict(tiny.target, metainfo=five, pipeline=pipelines.target)))
    assert (dataset.num_source, dataset.num_target) == (8, 5)
    annotations = json.loads((tiny.root / 'source.json').read_text())['annotations']
    labelled = np.reshape(annotations[3]['keypoints'], (6, 3))[:, :2]
    flips = set()
    for seed in range(8):
        np.random.seed(seed)
        item = dataset[3]
        sample = item['data_samples']['source']
        assert sample.gt_fields.heatmaps.shape[0] == 5
        assert sample.metainfo['flip_indices'] == [FIVE.index(SWAPS.get(k, k)) for k in FIVE]
        flips.add(sample.metainfo['flip'])
        # the heatmaps' peaks are where the recorded matrix puts the labels
        matrix = sample.metainfo['input_matrix']
        for i, name in enumerate(FIVE):
            if sample.metainfo['flip']:
                name = SWAPS.get(name, name)
            x, y = (labelled[KEYPOINTS.index(name)] @ matrix[:2, :2].T + matrix[:2, 2]) / 4
            if 0 < x < 15 and 0 < y < 15:
                peak = int(sample.gt_fields.heatmaps[i].argmax())
                assert abs(peak % 16 - x) < 0.6 and abs(peak // 16 - y) < 0.6
    assert flips == {False, True}


def test_different_keypoints(tiny, pipelines):
    cfg = config(tiny, pipelines)
    with pytest.raises(ValueError, match='source "tiny_source" and target "five" have different '
                       'keypoints: 6 / 5 keypoints; only in source "tiny_source": pelvis. .*'
                       'KeypointConverter'):
        DATASETS.build(dict(cfg, target=dict(cfg['target'], metainfo=make_metainfo('five', FIVE))))
    other = make_metainfo('other', [KEYPOINTS[0], *KEYPOINTS[:0:-1]])
    with pytest.raises(ValueError, match=r'another order \(keypoint 1 is left_hand / pelvis\)'):
        DATASETS.build(dict(cfg, target=dict(cfg['target'], metainfo=other)))
    with pytest.raises(ValueError, match='metainfo "five" and source "tiny_source"'):
        DATASETS.build(dict(cfg, metainfo=make_metainfo('five', FIVE)))
    direct = copy.deepcopy(cfg)
    direct['source']['pipeline'].insert(0, dict(type='KeypointConverter', num_keypoints=5,
                                                mapping=[(0, 0)]))
    with pytest.raises(ValueError, match='KeypointConverter in the source pipeline itself'):
        DATASETS.build(direct)


@pytest.mark.parametrize('name', ['source', 'target'])
def test_one_domain_by_branch_and_the_other_plain(tiny, pipelines, name):
    """A stock pipeline in one of them: IndexError or TypeError of the collate function."""
    cfg = config(tiny, pipelines)
    cfg[name]['pipeline'] = [*cfg[name]['pipeline'][:-1], dict(type='PackPoseInputs')]
    with pytest.raises(ValueError, match=rf"the {name} pipeline with PackPoseInputs.*cannot share "
                                         "a batch.*'PackBranches'.*ForkViews"):
        DATASETS.build(cfg)


def test_there_is_no_pipeline_to_exchange(tiny, pipelines):
    """RTMPose's PipelineSwitchHook set an attribute that nothing reads."""
    dataset = DATASETS.build(config(tiny, pipelines))
    assert not hasattr(dataset, 'pipeline')
    with pytest.raises(AttributeError, match='PipelineSwitchHook.*take such a hook out'):
        dataset.pipeline = []


def test_empty_source(tiny, pipelines, tmp_path):
    content = json.loads((tiny.root / 'source.json').read_text())
    (tmp_path / 'none.json').write_text(json.dumps(dict(content, annotations=[])))
    cfg = config(tiny, pipelines)
    cfg['source']['ann_file'] = str(tmp_path / 'none.json')
    with pytest.raises(ValueError, match='the source data set CocoDataset .*none.json.* has '
                       'no instances'):
        DATASETS.build(cfg)
    cfg['source']['serialize_data'] = False  # another way through MMEngine
    with pytest.raises(ValueError, match='source data set "tiny_source" .*none.json.* has no '
                       'instances'):
        DATASETS.build(cfg)


def loader_config(tiny, pipelines, num_workers=0):
    return Config(dict(train_dataloader=dict(
        batch_size=6, num_workers=num_workers, dataset=config(tiny, pipelines),
        sampler=dict(type='TwoDomainSampler', batch_size=6, source_ratio=[2, 1]))))


def test_cfg_options_reach_the_target(tiny, pipelines, tmp_path):
    cfg = loader_config(tiny, pipelines)
    cfg.merge_from_dict({'train_dataloader.dataset.target.data_root': str(tmp_path)})
    with pytest.raises(FileNotFoundError, match='no images in'):
        DATASETS.build(cfg.train_dataloader.dataset)


@pytest.mark.parametrize('num_workers', [0, 2])
def test_loader_and_preprocessor(tiny, pipelines, num_workers):
    cfg = loader_config(tiny, pipelines, num_workers)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=3)
    loader.sampler.check_dataloader(loader)
    plain = MODELS.build(dict(type='PoseDataPreprocessor', mean=[10., 20, 30], std=[2., 4, 8],
                              bgr_to_rgb=True))
    multi = MODELS.build(dict(type='MultiBranchDataPreprocessor', data_preprocessor=plain))
    iterator = iter(loader)
    for step in range(3):
        batch = next(iterator)
        out = multi(batch, training=True)
        assert {k: len(v) for k, v in out['data_samples'].items()} == dict(
            source=4, target_teacher=2, target_student=2)
        indices = loader.sampler.batch(step)
        for branch, expected in (('source', indices[:4]), ('target_teacher', indices[4:]),
                                 ('target_student', indices[4:])):
            inputs, samples = out['inputs'][branch], out['data_samples'][branch]
            assert inputs.shape == (len(expected), 3, 64, 64) and inputs.dtype == torch.float32
            paths = [loader.dataset.get_data_info(i)['img_path'] for i in expected]
            assert [s.img_path for s in samples] == paths
            raw = [t for t in batch['inputs'][branch] if t is not None]
            for tensor, source in zip(inputs, raw, strict=True):
                by_hand = source.numpy()[::-1].astype(np.float32)
                by_hand = (by_hand - np.array([10, 20, 30])[:, None, None]) / np.array(
                    [2, 4, 8])[:, None, None]
                np.testing.assert_allclose(tensor.numpy(), by_hand, rtol=1e-5)
            assert samples[0].batch_input_shape == (64, 64)
    del iterator


def test_snippet_of_the_documentation(tiny, repository):
    text = (repository / 'docs/data.md').read_text()
    snippet = next(part.split('```')[0] for part in text.split('```python\n')[1:]
                   if 'train_dataloader' in part)
    cfg = Config.fromstring(snippet, '.py')
    for name, domain in (('source', tiny.source), ('target', tiny.target)):
        for key in domain.keys() - {'type'}:  # `update` would merge the two metainfo
            cfg.train_dataloader.dataset[name][key] = domain[key]
    cfg.train_dataloader.update(num_workers=0)
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    for branch in ('source', 'target_teacher', 'target_student'):
        assert sum(x is not None for x in batch['inputs'][branch]) == 16


@pytest.mark.parametrize('change,encoding,message', [
    (None, 'utf-8-sig', r'the source data set: ann_file=.*new\.json .* byte order mark.*UTF-8'),
    (None, 'utf-16', r'new\.json is in UTF-16.*save it as UTF-8'),
    (lambda c: [i.update(id=f'x{i["id"]}') for i in c['images']] and [
        a.update(image_id=f'x{a["image_id"]}') for a in c['annotations']], 'utf-8',
     r"8 images have ids that are no whole numbers, for example 'x0'.*number the images"),
    (lambda c: c['annotations'][2].update(image_id='gone'), 'utf-8', None)])
@pytest.mark.parametrize('combined', [False, True])
def test_what_mmposes_data_sets_cannot_read_is_explained(change, encoding, message, combined, tiny,
                                                         pipelines, tmp_path):
    content = json.loads((tiny.root / 'source.json').read_text())
    if change:
        change(content)
    (tmp_path / 'new.json').write_bytes(json.dumps(content).encode(encoding))
    cfg = config(tiny, pipelines)
    source = dict(cfg['source'], ann_file=str(tmp_path / 'new.json'))
    cfg['source'] = source if not combined else dict(
        type='CombinedDataset', metainfo=make_metainfo('tiny_source'),
        pipeline=pipelines.source, datasets=[dict(source, pipeline=[])])
    if message is None:  # MMPose leaves out what it does not find
        assert DATASETS.build(cfg).num_source == 7
        return
    with pytest.raises(ValueError, match=message):
        DATASETS.build(cfg)
