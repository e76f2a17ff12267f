"""Training the cells of a group with one program, each in its own run folder.

The same things happen at the same steps as in `loop.train`, for each cell in
turn: a run folder does not tell how it was trained.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from art_jax import core
from art_jax.config import experiments as experiment_files
from art_jax.config import shapes
from art_jax.devices import mesh
from art_jax.runs.checkpoints import Restored
from art_jax.sweep import outcome
from art_jax.sweep.program import Program
from art_jax.training import goodput, loop, preemption, session, start
from art_jax.training.hooks import Hooks
from art_jax.training.progress import Progress


class Uneven(Exception):
  """The cells are not at one step; each goes on alone."""


@dataclasses.dataclass(eq=False)
class _Member:
  """One cell of a group.

  Attributes:
    name: of the cell.
    run: what its training works with.
    engine: of its data.
    hooks: writes what is due.
    ended: (status, reason) once it takes part no more.
  """

  name: str
  run: session.Session
  engine: Any
  hooks: Hooks
  ended: tuple[str, str] | None = None


def train(
  names: Sequence[str],
  experiments: Sequence[core.Experiment],
  folders: Sequence[Any],
  traced: Sequence[str],
  *,
  devices: mesh.Devices,
  way: str,
  command: str = '',
  guard: Callable[[str], object] = lambda name: None,
) -> dict[str, tuple[str, str]]:
  """Train cells to the end, continuing what is in their folders.

  A cell that diverges, or that an alarm stops, ends; the others go on. All are
  measured with the latents and the reference pictures of the first.

  Args:
    names: of the cells.
    experiments: alike but for seeds and `traced`; durations in any unit.
    folders: run folder of each.
    traced: paths of the numbers in which the algorithms differ.
    devices: where it runs.
    way: 'vmap' or 'turns', see `program`.
    command: noted in each run.json.
    guard: see `session.Shared`.

  Returns:
    By name (status, reason): 'finished', 'stopped' or 'diverged'.

  Raises:
    Uneven: before anything is compiled; train the cells one by one.
    Preempted: after SIGTERM or SIGINT, once checkpoints are saved.
    core.UserError: bad input.
  """
  with contextlib.ExitStack() as stack, preemption.StopRequest() as stop:
    clocks = goodput.Clocks()
    start.check_before_data(experiments[0], devices)
    _, dataset, probe = start.open_data(experiments[0], devices, clocks)
    shared = session.Shared(
      dataset=dataset,
      devices=devices,
      probe=probe,
      stop=stop,
      clocks=clocks,
      command=command,
      guard=guard,
    )
    opened = [
      _open_run(stack, shared, experiment, path)
      for experiment, path in zip(experiments, folders, strict=True)
    ]
    runs, restored = zip(*opened, strict=True)
    steps = {state.step if state else 0 for state in restored}
    if len(steps) > 1:
      raise Uneven
    first, duration = min(steps), runs[0].duration
    rows = runs[0].experiment.rows_per_step * len(runs)
    with Progress(first, duration, rows) as progress:
      group = _begin(names, runs, restored, traced, way, progress)
      if first < duration:
        _take_steps(*group, first, progress)
    return {m.name: m.ended or ('finished', '') for m in group[1]}


def _open_run(
  stack: contextlib.ExitStack,
  shared: session.Shared,
  given: core.Experiment,
  path: Any,
) -> tuple[session.Session, Restored | None]:
  """Open the folder of a cell; return it with what its checkpoint holds."""
  resolved = experiment_files.resolve(given, shared.dataset.num_examples)
  locked = session.lock_folder(stack, path, given)
  state_shapes = shapes.state_shapes(resolved)
  return session.open_session(
    stack, shared, given, resolved, state_shapes, *locked
  )


def _begin(
  names: Sequence[str],
  runs: Sequence[session.Session],
  restored: Sequence[Restored | None],
  traced: Sequence[str],
  way: str,
  progress: Progress,
) -> tuple[Program, list[_Member]]:
  """Return the program with its first states, and its cells.

  Of vmap the states are copies: those of the single cells end here.
  """
  made = start.programs(runs[0], runs[0].experiment)
  members, begun = [], []
  for name, run, state in zip(names, runs, restored, strict=True):
    one = start.begin(run, made, state)
    hooks = Hooks(
      run,
      one,
      say=lambda text, name=name: progress.say(f'{name}: {text}'),
      show=(lambda *_: None) if begun else progress.show,
    )
    begun.append(one)
    members.append(_Member(name, run, one.engine, hooks))
  return Program([r.experiment for r in runs], traced, begun, way), members


def _take_steps(
  program: Program, members: Sequence[_Member], first: int, progress: Progress
) -> None:
  """Train from the first step to the end, or until no cell takes part."""
  run = members[0].run
  clocks, duration = run.clocks, run.duration
  with contextlib.ExitStack() as stack:
    batches = [
      stack.enter_context(contextlib.closing(m.engine.inputs(first)))
      for m in members
    ]
    for member in members:
      member.run.report.begin()
      member.run.times.begin(first)
    progress.say(f'compiling one program for {len(members)} cells')
    for step in range(first + 1, duration + 1):
      with clocks.of('input'):
        inputs = [next(each) for each in batches]
      doing = 'step' if step > first + 1 else 'compile'
      clocks.timed += doing == 'step'
      with clocks.of(doing):
        program.step(inputs, step - 1)
      stopping = run.stop.requested(step)
      if run.schedule.due(step, stopping=stopping).log:
        _after(program, members, step, stopping, progress)
      progress.advance(step)
      if all(member.ended for member in members):
        break
      if stopping and step < duration:
        for member in members:
          member.run.checkpoints.wait()
        raise loop.preempted(step, duration)
  for member in members:
    with clocks.of('checkpoint'):
      member.run.checkpoints.wait()
    if not member.ended:
      member.run.finish(first, rollbacks=0, together=len(members))


def _after(
  program: Program,
  members: Sequence[_Member],
  step: int,
  stopping: bool,
  progress: Progress,
) -> None:
  """Do what is due after a step, for each cell that takes part."""
  for i, (member, row) in enumerate(
    zip(members, program.metrics(), strict=True)
  ):
    if member.ended:
      continue
    try:
      state = program.state(i)
      alarm = member.hooks.after_step(step, state, row, stopping=stopping)
      if alarm is not None:
        member.ended = 'stopped', alarm
    except core.Diverged as error:
      member.ended = 'diverged', str(error)
      progress.say(f'{member.name}: {error}')
    if member.ended:  # Now: a sweep that is killed must not go on with it.
      outcome.note(
        pathlib.Path(member.run.folder.path), *member.ended, len(members)
      )
