"""What hooks tell a model during a run, and what it keeps for them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adaptation_batch import AdaptationBatch


@dataclass
class RunState:
    """The one place where a hook changes how the next training step goes.

    ``model.run_state`` of a student-teacher model; no part of checkpoints. Which of the two
    networks predicts is no state of the run but a setting, ``predict_on``; a validation loop that
    evaluates another one does so within :func:`predicting`.

    Attributes:
        adapting (bool): False: a step trains on source images alone, as in the first phase of
            :class:`SourcePretrainHook`; True (default): with everything that is configured.
        batch_wanted (bool): A hook that wants to look at the next step sets it before the step
            and finds that step in ``last_batch`` after it. Whoever asks, it holds for one step
            (of the second phase: the first has no such batch). Defaults to False: batches hold
            all activations and are not kept.
        last_batch (AdaptationBatch | None): The last step, if it was wanted.

    Example:
        >>> class Watch(Hook):
        ...     def before_train_iter(self, runner, batch_idx, data_batch=None):
        ...         runner.model.run_state.batch_wanted = True
        ...     def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        ...         print(runner.model.run_state.last_batch.pseudo.confidence)
    """

    adapting: bool = True
    batch_wanted: bool = False
    last_batch: AdaptationBatch | None = None

    def keep(self, batch: AdaptationBatch) -> None:
        """End of a step: keep its batch if it was wanted, forget the one before in any case."""
        self.last_batch, self.batch_wanted = batch if self.batch_wanted else None, False
