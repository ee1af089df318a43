"""The MMPose config of an adaptation, written in full so that ``udapose train`` runs it alike."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

#: An image counts as often in the training of a small folder as of a large one, within limits.
_PASSES, _LEAST, _MOST = 20, 100, 10000


@dataclass
class Schedule:
    """How long to train.

    Args:
        iterations (int): Steps.
        batch (int): Target images a step.
        workers (int): Processes that load images.
    """
    iterations: int
    batch: int
    workers: int

    @classmethod
    def suggest(cls, people: int, gpu: bool, cores: int, longest: int | None = None) -> Schedule:
        """Sensible defaults: about 20 passes over the people, fewer over many.

        Args:
            people (int): Boxes in the frames to adapt to.
            gpu (bool): Whether there is one.
            cores (int): Of the processor.
            longest (int, optional): Most iterations. Defaults to 10000 on a GPU and 1500 else.
        """
        batch = min(32 if gpu else 16, max(people, 2))
        longest = longest or (_MOST if gpu else 1500)
        iterations = min(max(round(people * _PASSES / batch), _LEAST), longest)
        return cls(round(iterations, -1), batch, min(4, cores - 1) if cores > 1 else 0)


def training_config(plain: Config, run: Path, schedule: Schedule, held_back: int,
                    source: dict | None = None, seed: int = 0) -> Config:
    """The config of the adaptation of a plain model to the frames of a run.

    Without a source as in ``configs/source_free``: the frozen start model keeps the student from
    drifting, batch norms keep their statistics. With one: the mean teacher with both domains.
    Validation is label-free, on the held-back people; the best checkpoint by it is kept, and a
    run that gets worse by it ends early.

    Args:
        plain (Config): Of ``run/start``.
        run (Path): The run's folder, with ``people.json`` and ``held_back.json``.
        schedule (Schedule): How long.
        held_back (int): Number of held-back people.
        source (dict, optional): Data set of labelled source images with the same joints, without
            a pipeline.
        seed (int): Of the training.

    Raises:
        ValueError: The test pipeline has no crop.
    """
    test_steps = [step.to_dict() for step in plain.test_dataloader.dataset.pipeline]
    view, load = _views(test_steps)
    metainfo = plain.test_dataloader.dataset.metainfo.to_dict()

    def unlabeled(file: str) -> dict:
        return dict(type='UnlabeledPoseDataset', data_root=f'{run / "frames"}',
                    ann_file=str(run / file), metainfo=metainfo,
                    pipeline=[*load, dict(type='ForkViews', teacher=view, student=view)])
    target = unlabeled('people.json')
    batch, iterations = schedule.batch, schedule.iterations
    interval = max(iterations // 8, 10)
    loader = dict(num_workers=schedule.workers, persistent_workers=schedule.workers > 0)
    model = plain.model.to_dict()
    train_cfg = dict(confidence_quantile=0.5, per_joint_quantile=True)
    alignments = {}
    if source is None:
        train_cfg.update(source_free=True, student_norm='frozen')
        alignments = dict(distillation=dict(type='StartModelDistillation', loss_weight=0.3),
                          weights=dict(type='StartWeightLoss'))
        train = dict(batch_size=batch, sampler=dict(type='InfiniteSampler', shuffle=True),
                     dataset=target, drop_last=True, **loader)
    else:
        train = dict(
            batch_size=2 * batch, dataset=dict(type='TwoDomainDataset', target=target,
                                               source=dict(source, pipeline=[
                                                   *load, *view,
                                                   dict(type='GenerateTarget',
                                                        encoder=model['head']['decoder']),
                                                   dict(type='PackBranches', branch='source')])),
            sampler=dict(type='TwoDomainSampler', batch_size=2 * batch, source_ratio=[1, 1]),
            **loader)
    # an average over a tenth of the run: a slower teacher would hardly leave the start model
    momentum = min(max(10 / iterations, 0.001), 0.05)
    imports = (plain.get('custom_imports') or {}).get('imports') or []
    return Config(dict(
        default_scope='mmpose',
        custom_imports=dict(imports=sorted({'udapose', *imports}), allow_failed_imports=False),
        load_from=str(run / 'start' / 'model.pth'),
        model=dict(type='MeanTeacherPoseEstimator', pose_estimator=model, alignments=alignments,
                   train_cfg=train_cfg),
        train_dataloader=train,
        val_dataloader=dict(), val_evaluator=dict(),
        val_cfg=dict(type='LabelFreeValLoop', label_free=dict(
            dataset=unlabeled('held_back.json'), num_images=max(min(held_back, 200), 2))),
        test_dataloader=plain.test_dataloader.to_dict(),
        test_evaluator=plain.test_evaluator.to_dict(), test_cfg=dict(type='TestLoop'),
        train_cfg=dict(type='ResumableIterBasedTrainLoop', max_iters=iterations,
                       val_interval=interval),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-4),
                           clip_grad=dict(max_norm=10., norm_type=2)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0,
                 end=max(iterations // 20, 2)),
            dict(type='MultiStepLR', by_epoch=False, gamma=0.1,
                 milestones=[iterations * 7 // 10, iterations * 9 // 10])],
        default_hooks=dict(
            timer=dict(type='IterTimerHook'),
            logger=dict(type='LoggerHook', interval=max(min(interval // 4, 50), 1),
                        log_metric_by_epoch=False),
            param_scheduler=dict(type='ParamSchedulerHook'),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=interval,
                            max_keep_ckpts=2, save_best='label_free/score', rule='greater'),
            early_stopping=dict(type='EarlyStoppingHook', monitor='label_free/score',
                                rule='greater', min_delta=0., patience=4),
            sampler_seed=dict(type='DistSamplerSeedHook'),
            finite_loss=dict(type='FiniteLossHook'),
            rising_loss=dict(type='RisingLossHook')),
        custom_hooks=[
            dict(type='PreflightHook'), dict(type='AverageBuffersHook'),
            dict(type='EMATeacherHook', momentum=momentum),
            dict(type='PseudoLabelMonitorHook')],
        env_cfg=dict(cudnn_benchmark=False,
                     mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
                     dist_cfg=dict(backend='nccl')),
        vis_backends=[dict(type='LocalVisBackend')],
        visualizer=dict(type='PoseLocalVisualizer', name='visualizer',
                        vis_backends=[dict(type='LocalVisBackend')]),
        log_processor=dict(type='LogProcessor', window_size=20, by_epoch=False, num_digits=6),
        log_level='INFO', resume=False, randomness=dict(seed=seed)))


def _views(test_steps: list[dict]) -> tuple[list[dict], list[dict]]:
    """Steps that make a view, and those that load, with the crop of the test pipeline."""
    def step(name: str) -> dict | None:
        return next((s for s in test_steps if str(s['type']).endswith(name)), None)
    crop, box = step('TopdownAffine'), step('GetBBoxCenterScale')
    if crop is None:
        raise ValueError('the model\'s test pipeline has no TopdownAffine, so its crop is not '
                         'known: give a top-down config of MMPose')
    view = [
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='QuickRandomBBoxTransform', rotate_factor=45, scale_factor=(0.75, 1.25)),
        dict(type='RecordedTopdownAffine', input_size=tuple(crop['input_size']),
             use_udp=crop.get('use_udp', False)),
        dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
    return view, [dict(type='LoadPoseImage'), box or dict(type='GetBBoxCenterScale')]
