"""Evaluation of one or both branches."""
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.registry import METRICS, MODELS


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
