"""What happens when a step goes wrong: it is dropped, the run goes back and on more carefully, or gives up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from torch import Tensor, nn

from headfield.errors import InputError
from headfield.optim.adam import Movement, Tensors, put_tensors, tensors_of


class DivergedError(InputError):
    """A run that stays non-finite however carefully it goes on."""


@dataclass(frozen=True)
class Guard:
    """How a run deals with steps whose losses or gradients are not finite. Such a step moves nothing."""

    drops: int = 5
    """After so many dropped steps in a row the run goes back to an earlier state, and halves all rates of the stage."""
    returns: int = 4
    """It gives up when it would go back more often than this without getting on for ``every`` steps in between."""
    every: int = 100
    """How many steps lie between two states that are remembered."""


@dataclass(frozen=True)
class Trouble:
    """How a stage has gone so far. It is part of a checkpoint."""

    dropped: int = 0
    """How many steps in a row, up to now."""
    returns: int = 0
    """How often the run went back without getting on for long in between."""
    caution: float = 1.0
    """What all rates are multiplied with."""
    taken: int = 0
    """How many steps were taken since the run last went back."""


class Memory:
    """The last states that were good: what moves in this stage, the module's buffers, and Adam's moments."""

    def __init__(self, module: nn.Module, movement: Movement):
        self._module = module
        self._movement = movement
        # Two, since the last one may have been taken when things had already begun to go wrong.
        self._states: deque[tuple[Tensors, Tensors]] = deque(maxlen=2)

    def remember(self, *, only: bool = False) -> None:
        """Take a copy of the present state; ``only`` forgets the earlier ones."""
        if only:
            self._states.clear()
        frozen = {name for name, _ in self._module.named_parameters()} - set(self._movement.parameters)
        state = {name: tensor for name, tensor in tensors_of(self._module).items() if name not in frozen}
        self._states.append((_copy(state), _copy(self._movement.moments())))

    def go_back(self, *, further: bool) -> None:
        """Put back the last good state, or the one before it if that one did not help."""
        if further and len(self._states) > 1:
            self._states.pop()
        tensors, moments = self._states[-1]
        put_tensors(self._module, tensors)
        self._movement.put_moments(moments)

    def mend_buffers(self) -> None:
        """Put back buffers, such as running statistics, that a dropped step has spoiled."""
        remembered = self._states[-1][0]
        broken = [name for name, buffer in self._module.named_buffers() if not buffer.isfinite().all()]
        put_tensors(self._module, {name: remembered[name] for name in broken})


def after_taking(trouble: Trouble, guard: Guard) -> Trouble:
    """What a step that was taken makes good."""
    taken = trouble.taken + 1
    return replace(trouble, dropped=0, taken=taken, returns=trouble.returns if taken < guard.every else 0)


def after_drop(trouble: Trouble, guard: Guard, memory: Memory, *, stage: str, culprit: str) -> Trouble:
    """Deal with a dropped step: go on, go back, or give up."""
    memory.mend_buffers()
    if trouble.dropped + 1 < guard.drops:
        return replace(trouble, dropped=trouble.dropped + 1)
    if trouble.returns == guard.returns:
        raise DivergedError(
            f"stage {stage!r} cannot go on: {culprit} stays non-finite although the run went back {guard.returns} "
            "times, each time to go on with half the rates; look at what goes into it, or lower the rates."
        )
    memory.go_back(further=trouble.returns > 0)
    return Trouble(dropped=0, returns=trouble.returns + 1, caution=trouble.caution / 2)


def _copy(tensors: Tensors) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
