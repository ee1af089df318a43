"""Evaluation of one or both branches, with labels and without."""
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.registry import METRICS, MODELS
from runs import PEOPLE, ROOT, tiny_config


@MODELS.register_module(force=True)
class _Branches(BaseModel):
    """Teacher says 2, student says 1."""

    def __init__(self, plain=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        if not plain:
            self.predict_on = 'student'

    def forward(self, inputs, mode='tensor'):
        return [dict(value={'teacher': 2., 'student': 1.}.get(getattr(self, 'predict_on', ''), 3.))
                for _ in inputs]


@METRICS.register_module(force=True)
class _Mean(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [s['value'] for s in data_samples]

    def compute_metrics(self, results):
        return dict(value=sum(results) / len(results))


@METRICS.register_module(force=True)
class _Criteria:
    """Says which branch it was called with."""
    dataset = dataset_meta = None

    def __init__(self, scale=1.):
        self.scale = scale

    def __len__(self):
        return 1

    def prepare(self, default=None):
        self.default = default
        return self

    def __call__(self, model):
        assert not model.training
        return dict(x=self.scale * model([0])[0]['value'])


def run(tmp_path, stage, plain=False, **loop):
    loader = dict(dataset=[dict(inputs=torch.zeros(1)) for _ in range(4)], batch_size=2,
                  sampler=dict(type='DefaultSampler', shuffle=False))
    runner = Runner(
        model=dict(type='_Branches', plain=plain), work_dir=str(tmp_path), default_scope='mmpose',
        experiment_name=f'{tmp_path.name}{stage}', **{
            f'{stage}_dataloader': loader,
            f'{stage}_evaluator': dict(type='_Mean', prefix='target'),
            f'{stage}_cfg': dict(type=f'TeacherStudent{stage.title()}Loop', **loop)})
    return getattr(runner, stage)(), runner


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_teacher_by_default(tmp_path, stage):
    metrics, runner = run(tmp_path, stage)
    assert metrics == {'target/value': 2.}
    assert runner.model.predict_on == 'student'  # given back


def test_both_branches_and_plain_keys_of_the_first(tmp_path):
    metrics, _ = run(tmp_path, 'val', branches=('student', 'teacher'))
    assert metrics == {'target/value': 1., 'student/target/value': 1., 'teacher/target/value': 2.}


def test_a_plain_model_is_evaluated_as_usual(tmp_path):
    assert run(tmp_path, 'test', plain=True, branches=('teacher', 'student'))[0] == {
        'target/value': 3.}


def test_unknown_branches(tmp_path):
    with pytest.raises(ValueError, match="some of 'teacher' and 'student'"):
        run(tmp_path, 'val', branches=('mean',))


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_label_free_joins_the_first_branchs_metrics(tmp_path, stage):
    metrics, runner = run(tmp_path, stage, branches=('student', 'teacher'),
                          label_free=dict(type='_Criteria', scale=10.))
    assert metrics == {'target/value': 1., 'student/target/value': 1., 'teacher/target/value': 2.,
                       'label_free/x': 10.}
    assert runner.model.predict_on == 'student'


def test_label_free_of_a_plain_model(tmp_path):
    assert run(tmp_path, 'val', plain=True, label_free=dict(type='_Criteria'))[0] == {
        'target/value': 3., 'label_free/x': 3.}


def test_label_free_needs_images(tmp_path):
    with pytest.raises(ValueError, match=r'no TwoDomainDataset\..*label_free\.dataset='):
        run(tmp_path, 'val', label_free=dict())


@pytest.mark.parametrize('branch,value', [('teacher', 2.), ('student', 1.)])
def test_loop_without_labels_uses_neither_loader_nor_evaluator(tmp_path, branch, value):
    runner = Runner(
        model=dict(type='_Branches'), work_dir=str(tmp_path), default_scope='mmpose',
        experiment_name=tmp_path.name, val_dataloader=dict(), val_evaluator=dict(),
        val_cfg=dict(type='LabelFreeValLoop', branches=(branch,),
                     label_free=dict(type='_Criteria')))
    assert runner.val() == {'label_free/x': value}
    assert runner.model.predict_on == 'student'


class Record(Hook):
    """Keep what each validation measured."""

    def __init__(self):
        self.rows = []

    def after_val_epoch(self, runner, metrics=None):
        self.rows.append(dict(metrics))


def train(cfg):
    runner, record = Runner.from_cfg(cfg), Record()
    runner.register_hook(record)
    return runner.train().state_dict(), record.rows


def test_documented_config_saves_the_best_without_labels(tiny_people, tmp_path):
    """The config of docs/model_selection.md, as it stands there."""
    page = (ROOT / 'docs/model_selection.md').read_text()
    snippet = re.search(r'```python\n(# my_config\.py.*?)```', page, re.DOTALL).group(1)
    assert 6 <= len(snippet.strip().splitlines()) <= 12
    config = tmp_path / 'my_config.py'
    config.write_text(snippet.replace("'configs/", f"'{ROOT}/configs/"))
    written = Config.fromfile(config)
    assert written.val_cfg.type == 'LabelFreeValLoop' and written.val_evaluator == {}
    cfg = tiny_config(config, tiny_people, tmp_path / 'work', iters=6)
    cfg.train_cfg.val_interval = 2
    cfg.val_dataloader = cfg.val_evaluator = {}
    rows = train(cfg)[1]
    assert len(rows) == 3
    assert not any(k.startswith('target/') for row in rows for k in row)
    key = written.default_hooks.checkpoint.save_best
    assert {'label_free/agreement', 'label_free/teacher_student', 'label_free/entropy', key} <= set(
        rows[0])
    scores = [row[key] for row in rows]
    best = 2 * scores.index(max(scores)) + 2
    names = [path.name for path in (tmp_path / 'work').glob('best_*.pth')]
    assert names == [f'best_{key.replace("/", "_")}_iter_{best}.pth']


def test_measuring_does_not_change_the_training(tiny_people, tmp_path):
    """MMEngine's own loop, which does not reseed: any random number drawn would show."""
    states = []
    for label_free in (None, dict(num_images=6)):
        cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people,
                          tmp_path / str(bool(label_free)), iters=4)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=2)
        cfg.val_cfg.label_free = label_free
        cfg.custom_hooks = [h for h in cfg.custom_hooks if h.type == 'EMATeacherHook']
        state, rows = train(cfg)
        states.append(state)
    assert len(rows) == 2
    assert all({'target/PCK@0.05', 'label_free/score'} <= row.keys() for row in rows)
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
