"""Training the cells of a group with one program, each in its own run folder.

The same things happen at the same steps as in `loop.train`, for each cell in
turn: a run folder does not tell how it was trained.
"""

import contextlib
import pathlib
from collections.abc import Sequence
from typing import Any

from art_jax import config, core, loop, shapes, sharding
from art_jax.data import pipeline
from art_jax.data.columns import check_columns
from art_jax.data.dataset import check_classes, check_inputs
from art_jax.finite import Diverged
from art_jax.loop import Preempted
from art_jax.progress import Progress
from art_jax.signals import StopRequest
from art_jax.sweep import outcome
from art_jax.sweep.member import (
  Member,
  Shared,
  keys_of,
  note,
  open_member,
  rows_of,
)
from art_jax.sweep.program import Program
from art_jax.timing import Clocks


class Uneven(Exception):
  """The cells are not at one step; each goes on alone."""


def train(
  names: Sequence[str],
  experiments: Sequence[core.Experiment],
  folders: Sequence[Any],
  traced: Sequence[str],
  *,
  devices: sharding.Devices,
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
    shared = _open_data(experiments[0], devices, command)
    count = shared.dataset.num_examples
    resolved = [config.resolve(each, count) for each in experiments]
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
    _take_steps(program, members, steps.pop(), shared, stop)
  return {m.name: m.ended or ('finished', '') for m in members}


def _open_data(
  experiment: core.Experiment, devices: sharding.Devices, command: str
) -> Shared:
  """Check what can be checked beforehand; open the data and the probe."""
  clocks = Clocks()
  loop.check(experiment, devices)
  with clocks.of('data'):
    dataset = experiment.data.source.open(experiment.data)
    algorithm = experiment.algorithm
    check_columns(dataset, algorithm)
    check_inputs(dataset, algorithm.inputs, algorithm.aligned)
    check_classes(dataset, algorithm)
  with clocks.of('probe'):
    resolved = config.resolve(experiment, dataset.num_examples)
    measure = loop.open_probe(resolved, dataset, devices)
  return Shared(dataset, devices, measure, clocks, command)


def _begin(program: Program, members, restored, devices) -> None:
  """Give the program its states: restored ones, or fresh ones."""
  init = devices.compile_init(shapes.initializer(members[0].experiment))
  states, keys = [], []
  for member, state in zip(members, restored, strict=True):
    keys.append(devices.replicate(keys_of(member)[1]))
    states.append(
      devices.place_state(state.state)
      if state
      else init(devices.replicate(keys_of(member)[0]), ())
    )
  program.begin(states, keys)


def _take_steps(program, members, first, shared, stop) -> None:
  """Train from step `first` to the end, or until no cell takes part."""
  devices, clocks = shared.devices, shared.clocks
  experiment = members[0].experiment
  plan, rows = experiment.train, rows_of(experiment)
  heldout = devices.replicate(
    pipeline.heldout_batch(shared.dataset, experiment.data, plan.render_count)
  )
  render = devices.compile_render(experiment.algorithm.render)
  for member in members:
    member.looked = first
    if first < plan.duration:
      member.report.begin()
      member.times.begin(first)
  with contextlib.ExitStack() as stack:
    each = [
      stack.enter_context(contextlib.closing(member.engine.inputs(first)))
      for member in members
    ]
    progress = stack.enter_context(
      Progress(first, plan.duration, rows * len(members), enabled=True)
    )
    if first < plan.duration:
      progress.say(f'compiling one program for {len(members)} cells')
    for step in range(first + 1, plan.duration + 1):
      with clocks.of('input'):
        inputs = [next(batches) for batches in each]
      with clocks.of('step' if step > first + 1 else 'compile'):
        program.step(inputs, step - 1)
      stopping = stop.requested(step)
      _after(
        *(program, members, step, stopping, render, heldout, clocks, progress)
      )
      progress.advance(step)
      if all(member.ended for member in members):
        break
      if stopping and step < plan.duration:
        for member in members:
          member.checkpoints.wait()
        raise Preempted(
          f'stopped on request after step {step} of {plan.duration}; it is '
          'saved, and the same command continues from it'
        )
  _finish(members, first, clocks)


def _after(
  program, members, step, stopping, render, heldout, clocks, progress
) -> None:
  """Do what is due after a step, for each cell that takes part."""
  plan = members[0].experiment.train
  last = stopping or step == plan.duration
  save = last or step % plan.checkpoint_every == 0
  rendered = last or step == 1 or step % plan.render_every == 0
  log = step == 1 or step % plan.log_every == 0
  log = log or members[0].health.due(step)
  if not (save or rendered or log):
    return
  for i, (member, values) in enumerate(
    zip(members, program.metrics(), strict=True)
  ):
    if member.ended:
      continue
    if member is next(m for m in members if not m.ended):
      progress.show(step, values)
    try:
      note(
        *(member, step, program.state(i), values, save, rendered),
        *(render, heldout, clocks, progress),
      )
    except Diverged as error:
      member.ended = 'diverged', str(error)
      progress.say(f'{member.name}: {error}')
    if member.ended:  # Now: a sweep that is killed must not go on with it.
      folder = pathlib.Path(member.folder.path)
      outcome.note(folder, *member.ended, len(members))


def _finish(members: Sequence[Member], first: int, clocks: Clocks) -> None:
  """Wait for the checkpoints; write summary.json of those that finished."""
  for member in members:
    with clocks.of('checkpoint'):
      member.checkpoints.wait()
    duration = member.experiment.train.duration
    if first < duration and not member.ended:
      summary = clocks.summary(duration - first, rows_of(member.experiment))
      whole = {**summary, **member.times.summary(), 'rollbacks': 0}
      with member.lock.writing(duration):
        member.folder.finish({**whole, 'together': len(members)})
