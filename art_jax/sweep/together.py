"""Training the cells of a group with one program, each in its own run folder.

The same things happen at the same steps as in `loop.train`, for each cell in
turn: a run folder does not tell how it was trained.
"""

import contextlib
import pathlib
from collections.abc import Sequence
from typing import Any

from art_jax import core
from art_jax.config import experiments as experiment_files
from art_jax.config import shapes
from art_jax.data import pipeline
from art_jax.devices import mesh
from art_jax.sweep import outcome
from art_jax.sweep.member import (
  Member,
  Shared,
  Voice,
  keys_of,
  open_member,
)
from art_jax.sweep.program import Program
from art_jax.training import start
from art_jax.training.hooks import Hooks
from art_jax.training.loop import Preempted
from art_jax.training.preemption import StopRequest
from art_jax.training.progress import Progress
from art_jax.training.timing import Clocks


class Uneven(Exception):
  """The cells are not at one step; each goes on alone."""


def train(
  names: Sequence[str],
  experiments: Sequence[core.Experiment],
  folders: Sequence[Any],
  traced: Sequence[str],
  *,
  devices: mesh.Devices,
  way: str,
  command: str = '',
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

  Returns:
    By name (status, reason): 'finished', 'stopped' or 'diverged'.

  Raises:
    Uneven: before anything is compiled; train the cells one by one.
    Preempted: after SIGTERM or SIGINT, once checkpoints are saved.
    core.UserError: bad input.
  """
  with contextlib.ExitStack() as stack, StopRequest() as stop:
    shared = _open_data(experiments[0], devices, stop, command)
    count = shared.dataset.num_examples
    resolved = [experiment_files.resolve(each, count) for each in experiments]
    members, restored = [], []
    for name, *each in zip(names, experiments, resolved, folders, strict=True):
      member, state = open_member(stack, name, *each, shared)
      members.append(member)
      restored.append(state)
    steps = {state.step if state else 0 for state in restored}
    if len(steps) > 1:
      raise Uneven
    program = Program(
      *(resolved, traced, [m.engine for m in members], devices, way)
    )
    _begin(program, members, restored, devices)
    _take_steps(program, members, steps.pop(), shared)
  return {m.name: m.ended or ('finished', '') for m in members}


def _open_data(
  experiment: core.Experiment,
  devices: mesh.Devices,
  stop: StopRequest,
  command: str,
) -> Shared:
  """Check what can be checked beforehand; open the data and the probe."""
  clocks = Clocks()
  start.check_before_data(experiment, devices)
  _, dataset, probe = start.open_data(experiment, devices, clocks)
  return Shared(dataset, devices, probe, clocks, stop, command)


def _begin(program: Program, members, restored, devices) -> None:
  """Give the program its states: restored ones, or fresh ones."""
  init = devices.compile_init(shapes.initializer(members[0].run.experiment))
  states, keys = [], []
  for member, state in zip(members, restored, strict=True):
    keys.append(devices.replicate(keys_of(member)[1]))
    states.append(
      devices.place_state(state.state)
      if state
      else init(devices.replicate(keys_of(member)[0]), ())
    )
  program.begin(states, keys)


def _take_steps(program, members, first: int, shared: Shared) -> None:
  """Train from step `first` to the end, or until no cell takes part."""
  experiment, clocks = members[0].run.experiment, shared.clocks
  duration, rows = experiment.train.duration, members[0].run.rows
  with contextlib.ExitStack() as stack:
    each = [
      stack.enter_context(contextlib.closing(member.engine.inputs(first)))
      for member in members
    ]
    progress = stack.enter_context(
      Progress(first, duration, rows * len(members), enabled=True)
    )
    _open_hooks(members, first, shared, progress)
    if first < duration:
      progress.say(f'compiling one program for {len(members)} cells')
    for step in range(first + 1, duration + 1):
      with clocks.of('input'):
        inputs = [next(batches) for batches in each]
      with clocks.of('step' if step > first + 1 else 'compile'):
        program.step(inputs, step - 1)
      stopping = shared.stop.requested(step)
      _after(program, members, step, stopping, progress)
      progress.advance(step)
      if all(member.ended for member in members):
        break
      if stopping and step < duration:
        for member in members:
          member.run.checkpoints.wait()
        raise Preempted(
          f'stopped on request after step {step} of {duration}; it is '
          'saved, and the same command continues from it'
        )
  _finish(members, first, clocks)


def _open_hooks(members, first: int, shared: Shared, progress) -> None:
  """Begin to write what is due, for each cell."""
  experiment, devices = members[0].run.experiment, shared.devices
  heldout = devices.replicate(
    pipeline.heldout_batch(
      shared.dataset, experiment.data, experiment.train.render_count
    )
  )
  render = devices.compile_render(experiment.algorithm.render)
  for member in members:
    key = keys_of(member)[2]
    member.hooks = Hooks(
      *(member.run, member.health),
      Voice(member.name, progress, member is members[0]),
      member.engine.names,
      render=lambda state, key=key: render(state, heldout, key),
      first=first,
      rollbacks=0,
    )
    if first < experiment.train.duration:
      member.run.report.begin()
      member.run.times.begin(first)


def _after(program, members, step: int, stopping: bool, progress) -> None:
  """Do what is due after a step, for each cell that takes part."""
  schedule = members[0].run.schedule
  if not schedule.due(step, stopping=stopping).log:
    return
  for i, (member, metrics) in enumerate(
    zip(members, program.metrics(), strict=True)
  ):
    if member.ended:
      continue
    try:
      state = program.state(i)
      alarm = member.hooks.after_step(step, state, metrics, stopping=stopping)
      if alarm is not None:
        member.ended = 'stopped', alarm
    except core.Diverged as error:
      member.ended = 'diverged', str(error)
      progress.say(f'{member.name}: {error}')
    if member.ended:  # Now: a sweep that is killed must not go on with it.
      folder = pathlib.Path(member.run.folder.path)
      outcome.note(folder, *member.ended, len(members))


def _finish(members: Sequence[Member], first: int, clocks: Clocks) -> None:
  """Wait for the checkpoints; write summary.json of those that finished."""
  for member in members:
    run, experiment = member.run, member.run.experiment
    with clocks.of('checkpoint'):
      run.checkpoints.wait()
    duration = experiment.train.duration
    if first < duration and not member.ended:
      summary = clocks.summary(duration - first, members[0].run.rows)
      whole = {**summary, **run.times.summary(), 'rollbacks': 0}
      with run.lock.writing(duration):
        member.run.folder.finish({**whole, 'together': len(members)})
