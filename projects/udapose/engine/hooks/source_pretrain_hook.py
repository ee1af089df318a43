"""Two phases in one run: source images alone, then adaptation."""
from __future__ import annotations

from pathlib import Path

from mmengine.dist import barrier
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader
from mmpose.registry import HOOKS


@HOOKS.register_module()
class SourcePretrainHook(Hook):
    """Train on source images until an iteration, then adapt, in one run with one schedule.

    In the first phase the model's loss is that of the labelled source images (stylised, if an
    ``AdaINStyleHook`` is there), and the teacher is a copy of the student. At the switch the
    source model initialises student and teacher; optimizer and schedule go on, those of alignment
    terms (discriminators) start there (arXiv 2404.14885: phases of 40 and 30 epochs in one
    schedule).

    Args:
        iters (int): Iterations of the first phase (20,000 in the paper).
        init_from (str): ``'last'`` (default): the student as it is; ``'best'``: the best
            checkpoint that ``CheckpointHook(save_best=...)`` has kept. Which one that is depends
            on the metric: on a target metric it is an oracle.

    Raises:
        ValueError: Unknown ``init_from``; a model that adapts without source images.
        TypeError: The model cannot adapt.
        FileNotFoundError: ``'best'`` without a best checkpoint.
    """

    priority = 'HIGH'  # before the hooks that look at the model's phase

    def __init__(self, iters: int, init_from: str = 'last') -> None:
        if init_from not in ('last', 'best'):
            raise ValueError(f"init_from must be 'last' or 'best', got {init_from!r}")
        self.iters, self.init_from = iters, init_from

    def before_train(self, runner) -> None:
        """Choose the phase (a resumed run may be in the second)."""
        model = _unwrap(runner.model)
        if not hasattr(model, 'run_state'):
            raise TypeError('SourcePretrainHook needs MeanTeacherPoseEstimator; got '
                            f'{type(model).__name__}')
        if getattr(model, 'source_free', False):
            raise ValueError('SourcePretrainHook trains on source images first, but '
                             'model.train_cfg.source_free=True: remove the hook and set load_from '
                             'to the trained source model')
        if getattr(model, 'train_cfg', {}).get('trained') == 'norm':
            raise ValueError('SourcePretrainHook trains the whole model on source images first, '
                             "but model.train_cfg.trained='norm': remove the hook and set "
                             'load_from to the trained source model')
        if self.init_from == 'best' and runner.iter < self.iters and not self._save_best(runner):
            raise ValueError("SourcePretrainHook(init_from='best') needs the best checkpoint of "
                             "the first phase: set default_hooks.checkpoint, e.g. "
                             "dict(save_best='label_free/agreement', rule='greater')")
        model.run_state.adapting = runner.iter > self.iters

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Switch."""
        model = _unwrap(runner.model)
        if model.run_state.adapting or runner.iter < self.iters:
            return
        if self.init_from == 'best':
            barrier()  # rank 0 may still be writing it
            path = runner.message_hub.get_info('best_ckpt') \
                if 'best_ckpt' in runner.message_hub.runtime_info else None
            if not path or not Path(path).exists():
                raise FileNotFoundError(
                    f'SourcePretrainHook: no best checkpoint at iteration {runner.iter}: set '
                    'default_hooks.checkpoint.save_best and validate before the switch')
            state = CheckpointLoader.load_checkpoint(str(path), map_location='cpu')['state_dict']
            model.student.load_state_dict(
                {k[8:]: v for k, v in state.items() if k.startswith('student.')})
            print_log(f'adaptation starts from {path}', logger='current')
        else:
            print_log(f'adaptation starts from the student of iteration {runner.iter}',
                      logger='current')
        model.copy_student_to_teacher()
        if getattr(model, 'start', None) is not None:
            model.copy_student_to_start()
        model.run_state.adapting = True
        # Adam has counted steps without gradients: its bias correction would be gone
        optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
        for parameter in model.alignments.parameters() if optimizer is not None else ():
            optimizer.state.pop(parameter, None)

    @staticmethod
    def _save_best(runner) -> bool:
        return any(getattr(hook, 'save_best', None) for hook in runner.hooks)


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
