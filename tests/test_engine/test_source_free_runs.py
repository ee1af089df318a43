"""Adaptation without source images through MMEngine's Runner: run, export, resume, validate."""
import copy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner
from mmpose.apis import init_model

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from runs import PEOPLE, tiny_config  # noqa: E402

CONFIG = f'source_free/source-free_{PEOPLE}.py'


def config(data, work_dir, iters=2, **options):
    cfg = tiny_config(CONFIG, data, work_dir, iters)
    cfg.experiment_name = work_dir.name
    cfg.model.alignments.update(
        mixup=dict(type='SelfMixupLoss'),
        prior=dict(type='PosePriorLoss', skeleton=[(5, 7), (7, 9), (6, 8), (8, 10)], min_count=2))
    cfg.merge_from_dict(options)
    return cfg


def state_of(path):
    return torch.load(path, weights_only=False)['state_dict']


def test_a_plain_checkpoint_and_a_folder_become_a_plain_model(tiny_people, tmp_path):
    cfg = config(tiny_people, tmp_path)
    cfg.default_hooks.logger.interval = 1
    pictures = next(h for h in cfg.custom_hooks if h.type == 'PseudoLabelVisualizationHook')
    pictures.interval = 1
    runner = Runner.from_cfg(cfg)
    model = runner.train()
    logged = runner.message_hub.log_scalars
    for key in ('consistency', 'distillation', 'start_weights', 'mixup', 'pose_prior'):
        assert f'train/loss_{key}' in logged
    assert 'train/loss_kpt' not in logged and 'train/pseudo_coverage' in logged
    assert len([*tmp_path.rglob('vis_data/pseudo_labels/*.png')]) == 2
    begun, saved = state_of(cfg.load_from), state_of(tmp_path / 'iter_2.pth')
    assert all(torch.equal(saved[f'start.{k}'], v) for k, v in begun.items())
    for branch in ('student', 'teacher'):
        assert any(not torch.equal(saved[f'{branch}.{k}'], v) for k, v in begun.items())

    plain = init_model(str(tmp_path / 'exported/config.py'), str(tmp_path / 'exported/model.pth'),
                       device='cpu')
    assert plain.state_dict().keys() == begun.keys()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(plain(images, None), model.eval().teacher(images, None))


def test_a_resumed_run_equals_the_whole(tiny_people, tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    Runner.from_cfg(config(tiny_people, whole, 4)).train()
    first = config(tiny_people, parts, 4)
    first.train_cfg.update(max_iters=2)
    first.default_hooks.checkpoint.interval = 2
    Runner.from_cfg(first).train()
    second = config(tiny_people, parts, 4, resume=True, load_from=None)
    second.experiment_name = 'second'  # MMEngine's message hub remembers the first
    Runner.from_cfg(second).train()
    a, b = state_of(whole / 'iter_4.pth'), state_of(parts / 'iter_4.pth')
    assert a.keys() == b.keys()
    assert any(k.startswith('alignments.prior.') for k in a)
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=1e-5, atol=1e-5, msg=key)


def test_label_free_validation_takes_the_training_images(tiny_people, tmp_path):
    cfg = config(tiny_people, tmp_path)
    cfg.val_cfg = dict(type='LabelFreeValLoop', label_free=dict(num_images=6))
    cfg.val_dataloader, cfg.val_evaluator = dict(), dict()
    cfg.default_hooks.checkpoint.save_best = 'label_free/agreement'
    cfg.default_hooks.checkpoint.rule = 'greater'
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert 0 <= runner.message_hub.get_scalar('val/label_free/agreement').data[0][-1] <= 100
    assert len(runner.val_loop.criteria.views['target_teacher'][0]) == 6
    assert [*tmp_path.glob('best_*.pth')]


@pytest.mark.parametrize('hook,message', [
    (dict(type='AdaINStyleHook', stylizer=dict(type='ChannelStatisticsTransfer')),
     'AdaINStyleHook stylises source images, and there are none'),
    (dict(type='SourcePretrainHook', iters=1), 'SourcePretrainHook trains on source images')])
def test_hooks_that_need_source_images_say_so_before_training(tiny_people, tmp_path, hook, message):
    cfg = config(tiny_people, tmp_path)
    cfg.custom_hooks.append(hook)
    with pytest.raises(ValueError, match=message):
        Runner.from_cfg(cfg).train()
    assert not (tmp_path / 'iter_2.pth').exists()


def test_random_weights_stop_the_run_at_its_first_step(tiny_people, tmp_path):
    with pytest.raises(ValueError, match='Set load_from to a trained pose model'):
        Runner.from_cfg(config(tiny_people, tmp_path, load_from=None)).train()


def test_a_two_phase_run_is_tied_to_the_model_of_the_switch(tiny_people, tmp_path):
    """With source images: distillation from the student that ends the first phase."""
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, tmp_path, 3)
    cfg.model.alignments = dict(distillation=dict(type='StartModelDistillation'))
    cfg.custom_hooks = [dict(type='SourcePretrainHook', iters=1),
                        dict(type='EMATeacherHook', momentum=0.1)]
    cfg.default_hooks.checkpoint.interval = 1
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    Runner.from_cfg(cfg).train()
    first, last = state_of(tmp_path / 'iter_1.pth'), state_of(tmp_path / 'iter_3.pth')
    for key, value in copy.copy(last).items():
        if key.startswith('start.'):
            assert torch.equal(value, first[key.replace('start.', 'student.')]), key
