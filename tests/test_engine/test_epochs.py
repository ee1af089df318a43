"""Training by epochs: each ends, is validated and saved, and a resumed run continues."""
import sys
from pathlib import Path

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from runs import PEOPLE, tiny_config  # noqa: E402


class Record(Hook):
    """The images of every batch and the teacher's metric of every validation."""

    def __init__(self):
        self.images, self.validated = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        names = ('source', 'target_student')
        self.images.append([s.img_path for n in names for s in data_batch['data_samples'][n] if s])

    def after_val_epoch(self, runner, metrics=None):
        self.validated.append(runner.epoch)


def train(data, work_dir, loop, resume=False, **sampler):
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', data, work_dir)
    cfg.custom_hooks = [dict(type='PreflightHook'), dict(type='EMATeacherHook')]
    cfg.train_cfg = loop
    cfg.param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[1], gamma=0.1)]
    cfg.default_hooks.checkpoint.update(by_epoch=True, interval=1, max_keep_ckpts=-1)
    cfg.train_dataloader.sampler.update(sampler)
    cfg.train_dataloader.num_workers = 1
    cfg.resume = resume
    runner, record = Runner.from_cfg(cfg), Record()
    runner.register_hook(record)
    runner.train()
    return runner, record


@pytest.mark.parametrize('loop', [dict(by_epoch=True), dict(type='EpochBasedTrainLoop')])
def test_epochs_end_are_validated_saved_and_resumed(tiny_people, tmp_path, loop):
    """Up to now the first epoch never ended: no validation, no checkpoint, ever."""
    runner, first = train(tiny_people, tmp_path, dict(loop, max_epochs=2, val_interval=1))
    assert runner.iter == 2 * 12  # 24 images of each domain, two of each a batch
    assert first.validated == [1, 2]
    assert (tmp_path / 'epoch_1.pth').exists() and (tmp_path / 'epoch_2.pth').exists()
    for epoch in (first.images[:12], first.images[12:]):
        assert len({image for batch in epoch for image in batch}) == 48  # each image once
    assert first.images[:12] != first.images[12:]
    rates = runner.optim_wrapper.get_lr()['lr']
    assert rates == [pytest.approx(0.1 * runner.optim_wrapper.param_groups[0]['initial_lr'])]

    (tmp_path / 'epoch_2.pth').unlink()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    _, second = train(tiny_people, tmp_path, dict(loop, max_epochs=2, val_interval=1), resume=True)
    assert second.images == first.images[12:] and second.validated == [2]


def test_published_epochs_and_mmengines_iterations(tiny_people, tmp_path):
    """`iters_per_epoch` sets the length; MMEngine's own loop by iterations passes over the end."""
    runner, first = train(tiny_people, tmp_path / 'a', dict(by_epoch=True, max_epochs=3,
                                                            val_begin=9), iters_per_epoch=2)
    assert runner.iter == 6
    runner, second = train(tiny_people, tmp_path / 'b', dict(
        type='IterBasedTrainLoop', max_iters=5, val_begin=9), iters_per_epoch=4)
    assert runner.iter == 5 and second.images == first.images[:5]
    runner, third = train(tiny_people, tmp_path / 'c', dict(
        type='ResumableIterBasedTrainLoop', max_iters=5, val_begin=9), iters_per_epoch=4)
    assert third.images == second.images


def test_another_batch_size_of_the_loader_is_refused_by_any_loop(tiny_people, tmp_path):
    with pytest.raises(ValueError, match='train_dataloader.batch_size=4, but '
                                         'train_dataloader.sampler.batch_size=8'):
        train(tiny_people, tmp_path, dict(by_epoch=True, max_epochs=1), batch_size=8)
