"""MMEngine's hooks beside ours, as users bring them from their configs."""
import torch
from mmengine.runner import Runner
from runs import PEOPLE, tiny_config


def test_the_export_has_the_averages_that_were_validated_and_saved(tiny_people, tmp_path):
    """RTMPose's configs bring an EMAHook: the export was another model than the checkpoints'."""
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, tmp_path, iters=3)
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.1, update_buffers=True))
    cfg.optim_wrapper.optimizer.lr = 0.01
    runner = Runner.from_cfg(cfg)
    runner.train()
    saved = torch.load(tmp_path / 'iter_3.pth', weights_only=False)['state_dict']
    exported = torch.load(tmp_path / 'exported/model.pth', weights_only=False)['state_dict']
    for name, value in exported.items():
        assert torch.equal(value, saved[f'teacher.{name}']), name
    name = 'head.final_layer.weight'
    assert not torch.equal(exported[name], runner.model.teacher.state_dict()[name])
