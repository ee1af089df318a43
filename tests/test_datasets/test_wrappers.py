"""Data sets within RepeatDataset, ConcatDataset and CombinedDataset, wherever we look into them."""
import json

import pytest
from mmengine.config import Config
from mmpose.datasets import CocoDataset
from mmpose.registry import DATASETS
from tiny_data import KEYPOINTS, WHOLE, make_metainfo

from udapose.cli import _check_data
from udapose.datasets.wrappers import inner_configs, inner_datasets, without_pipelines
from udapose.engine.style_bank import StyleBank

CONVERT = dict(type='KeypointConverter', num_keypoints=len(KEYPOINTS),
               mapping=[(i, i) for i in range(len(KEYPOINTS))])


def combined(part, pipeline=()):
    return dict(type='CombinedDataset', metainfo=make_metainfo(), datasets=[part],
                pipeline=list(pipeline))


WRAPPERS = dict(
    repeat=lambda part: dict(type='RepeatDataset', times=2, dataset=part),
    concat=lambda part: dict(type='ConcatDataset', datasets=[part, part]),
    combined=combined,
    nested=lambda part: dict(type='RepeatDataset', times=1, dataset=combined(part)))


class MyPeople(CocoDataset):
    """A user's, whose name says nothing of COCO."""


@pytest.mark.parametrize('wrapper', ['repeat', 'concat'])
def test_a_converter_within_a_wrapper_is_refused(tiny, wrapper):
    """RandomFlip would exchange the joints of before."""
    source = WRAPPERS[wrapper](dict(tiny.source, pipeline=[CONVERT]))
    with pytest.raises(ValueError, match='KeypointConverter in the source pipeline itself'):
        DATASETS.build(dict(type='TwoDomainDataset', source=source, target=tiny.target))


@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_wrappers_as_source_and_target(tiny, wrapper):
    source, target = (WRAPPERS[wrapper](part) for part in (tiny.source, tiny.target))
    if wrapper in ('combined', 'nested'):  # it may convert its parts
        source = WRAPPERS[wrapper](dict(tiny.source, pipeline=[CONVERT]))
    both = DATASETS.build(dict(type='TwoDomainDataset', source=source, target=target))
    times = 2 if wrapper in ('repeat', 'concat') else 1
    assert (both.num_source, both.num_target) == (8 * times, 5 * times)
    assert both[0]['keypoints'].shape == (1, 6, 2) and 'keypoints' not in both[len(both) - 1]


@pytest.mark.parametrize('wrapper', [None, *WRAPPERS])
@pytest.mark.parametrize('kind', ['CocoDataset', CocoDataset, MyPeople])
def test_what_mmpose_cannot_read_is_explained(tiny, wrapper, kind):
    path = tiny.root / 'marked.json'
    path.write_bytes((tiny.root / 'source.json').read_text().encode('utf-8-sig'))
    source = dict(tiny.source, type=kind, ann_file='marked.json')
    source = source if wrapper is None else WRAPPERS[wrapper](source)
    with pytest.raises(ValueError, match=r'the source data set: ann_file=.*marked\.json is in UTF'):
        DATASETS.build(dict(type='TwoDomainDataset', source=source, target=tiny.target))


def test_an_empty_set_within_a_wrapper_is_named(tiny):
    content = json.loads((tiny.root / 'source.json').read_text())
    (tiny.root / 'empty.json').write_text(json.dumps(dict(content, annotations=[])))
    source = WRAPPERS['repeat'](dict(tiny.source, ann_file='empty.json'))
    with pytest.raises(ValueError, match=r'source data set CocoDataset \(.* empty\.json\) has no'):
        DATASETS.build(dict(type='TwoDomainDataset', source=source, target=tiny.target))


@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_styles_of_wrapped_sets(tiny, wrapper):
    """'unexpected keyword argument pipeline' was raised once the training began."""
    cfg = WRAPPERS[wrapper](dict(tiny.target, pipeline=WHOLE))
    found = {item['img_path'] for item in StyleBank(cfg, 100).items}
    assert found == {item['img_path'] for item in StyleBank(tiny.target, 100).items}
    pairs = DATASETS.build(dict(
        type='StyleTransferDataset', content=cfg, style=str(tiny.root / 'source'), size=8))
    assert len(pairs) == 5


def test_a_folder_in_the_home_folder(tiny, monkeypatch):
    monkeypatch.setenv('HOME', str(tiny.root))
    assert len(StyleBank('~/target', 100).items) == 5


def test_pipelines_are_taken_out_at_every_depth(tiny):
    part = dict(tiny.target, pipeline=WHOLE)
    cfg = WRAPPERS['repeat'](combined(part, WHOLE))
    bare = without_pipelines(cfg)
    assert 'pipeline' not in bare and bare['dataset']['pipeline'] == []
    assert bare['dataset']['datasets'][0]['pipeline'] == []
    assert part['pipeline'] == WHOLE and [*inner_configs(cfg)] == [part]  # nothing is changed
    assert 'pipeline' not in without_pipelines(WRAPPERS['concat'](part))


def test_what_is_inside(tiny):
    dataset = DATASETS.build(WRAPPERS['concat'](WRAPPERS['repeat'](tiny.target)))
    assert [type(d).__name__ for d in inner_datasets(dataset)] == ['UnlabeledPoseDataset'] * 2
    dataset = DATASETS.build(WRAPPERS['nested'](tiny.target))
    assert [type(d).__name__ for d in inner_datasets(dataset)] == ['CombinedDataset']


@pytest.mark.parametrize('wrapper,expected', [
    ('repeat', ['train/source', 'train/target']), ('nested', ['train/source/0', 'train/target/0']),
    ('concat', ['train/source/0', 'train/source/1', 'train/target/0', 'train/target/1'])])
def test_check_data_looks_into_wrappers(tiny, pipelines, wrapper, expected, tmp_path):
    """'the pipeline fails on ...: RepeatDataset has no attribute pipeline'."""
    source, target = (WRAPPERS[wrapper](part) for part in (
        dict(tiny.source, pipeline=pipelines.source), dict(tiny.target, pipeline=pipelines.target)))
    if wrapper == 'nested':  # the pipeline is the whole's
        for whole, steps in ((source, pipelines.source), (target, pipelines.target)):
            whole['dataset']['pipeline'] = steps
            whole['dataset']['datasets'][0] = dict(whole['dataset']['datasets'][0], pipeline=[])
    report = _check_data.check(Config(dict(train_dataloader=dict(dataset=dict(
        type='TwoDomainDataset', source=source, target=target)))), 2, tmp_path, False, 1.)
    assert [*report['datasets']] == expected and report['problems'] == []
