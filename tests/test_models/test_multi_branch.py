"""The preprocessor per branch against the plain one."""
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from udapose.models.data_preprocessors.multi_branch import build_per_branch

BRANCHES = ('source', 'target_teacher', 'target_student')
PLAIN = dict(type='PoseDataPreprocessor', mean=[1., 2, 3], std=[4., 5, 6], bgr_to_rgb=True)


def build():
    return MODELS.build(dict(type='MultiBranchDataPreprocessor', data_preprocessor=PLAIN))


def item(*branches, generator):
    return dict(
        inputs={b: torch.randint(0, 256, (3, 8, 6), generator=generator, dtype=torch.uint8)
                if b in branches else None for b in BRANCHES},
        data_samples={b: PoseDataSample() if b in branches else None for b in BRANCHES})


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    items = [item('source', generator=generator), item(*BRANCHES[1:], generator=generator),
             item('source', generator=generator), item('source', generator=generator)]
    return pseudo_collate(items)


def test_each_branch_equals_the_plain_preprocessor(batch):
    out = build()(batch, training=True)
    assert list(out['inputs']) == list(out['data_samples']) == list(BRANCHES)
    for branch, count in zip(BRANCHES, (3, 1, 1), strict=True):
        raw = [x for x in batch['inputs'][branch] if x is not None]
        expected = MODELS.build(PLAIN)(dict(
            inputs=raw, data_samples=[PoseDataSample() for _ in raw]))
        assert out['inputs'][branch].shape == (count, 3, 8, 6)
        assert torch.equal(out['inputs'][branch], expected['inputs'])
        assert all(s.batch_input_shape == (8, 6) for s in out['data_samples'][branch])
        kept = [s for s in batch['data_samples'][branch] if s is not None]
        assert len(out['data_samples'][branch]) == len(kept)


def test_a_plain_one_outside_is_put_around_each_branch(batch):
    """Where MMEngine puts the config's own ``data_preprocessor``; it crashed in the first batch."""
    inner = dict(PLAIN, mean=[0.] * 3)
    for outer, expected in ((PLAIN, PLAIN), (None, inner), (
            dict(type='MultiBranchDataPreprocessor', data_preprocessor=PLAIN), PLAIN)):
        made = build_per_branch(outer, inner)
        whole = MODELS.build(dict(type='MultiBranchDataPreprocessor', data_preprocessor=expected))
        assert torch.equal(made(batch)['inputs']['source'], whole(batch)['inputs']['source'])


def test_absent_branches_are_left_out():
    generator = torch.Generator().manual_seed(0)
    out = build()(pseudo_collate([item('source', generator=generator)]))
    assert list(out['inputs']) == ['source']


def test_plain_batch_passes_through():
    data = dict(inputs=[torch.full((3, 4, 4), 7, dtype=torch.uint8)],
                data_samples=[PoseDataSample()])
    out = build()(data)
    expected = MODELS.build(PLAIN)(dict(data))
    assert torch.equal(out['inputs'], expected['inputs']) and len(out['data_samples']) == 1


def test_training_flag_reaches_the_inner_one(batch):
    seen = []

    class Inner(torch.nn.Module):
        def forward(self, data, training=False):
            seen.append(training)
            return data

    multi = MODELS.build(dict(type='MultiBranchDataPreprocessor', data_preprocessor=Inner()))
    multi(batch, True)
    multi(batch)
    assert seen == [True] * 3 + [False] * 3


def test_errors(batch):
    batch['data_samples']['source'][0] = None
    with pytest.raises(ValueError, match=r"'source' has inputs for instances \[0, 2, 3\] of the "
                       r'batch, but data samples for \[2, 3\]'):
        build()(batch)
    empty = pseudo_collate([item(generator=None)])
    with pytest.raises(ValueError, match='none of the branches'):
        build()(empty)


def test_no_state():
    assert not build().state_dict()


class Model(BaseModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


@pytest.mark.parametrize('direct', [True, False])
@pytest.mark.parametrize('move', [
    lambda m: m.to('meta'), lambda m: m.to(device='meta'),
    lambda m: m.to(torch.device('meta'))])
def test_device_follows(direct, move):
    multi = build()
    move(multi if direct else Model(multi))
    assert multi.device.type == multi.data_preprocessor.device.type == 'meta'
    assert multi.data_preprocessor.mean.device.type == 'meta'


def test_cpu_and_dtype():
    multi = build()
    multi.data_preprocessor._device = torch.device('meta')
    multi.cpu()
    assert multi.device.type == multi.data_preprocessor.device.type == 'cpu'
    multi.to(torch.float64)
    assert multi.device.type == 'cpu' and multi.data_preprocessor.mean.dtype == torch.float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_cuda(batch):
    for multi in (build().cuda(), Model(build()).cuda().data_preprocessor):
        out = multi(batch)
        assert all(x.is_cuda for x in out['inputs'].values())
