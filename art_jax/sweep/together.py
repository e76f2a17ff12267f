"""Training the cells of a group with one program, each in its own run folder.

The same things happen at the same steps as in `loop.train`, for each cell in
turn: a run folder does not tell how it was trained.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import jax

from art_jax import config, core, finite, loop, shapes, sharding
from art_jax.checkpoint import Checkpoints
from art_jax.data import pipeline
from art_jax.data.columns import check_columns
from art_jax.data.dataset import check_classes, check_inputs
from art_jax.finite import Diverged
from art_jax.goodput import Goodput
from art_jax.health import Health
from art_jax.loop import Preempted
from art_jax.progress import Progress
from art_jax.report.refresh import Refresher
from art_jax.run_folder import RunFolder
from art_jax.run_lock import RunLock
from art_jax.signals import StopRequest
from art_jax.sweep.program import Program
from art_jax.timing import Clocks
from art_jax.writer import Writer


class Uneven(Exception):
  """The cells are not at one step; each goes on alone."""


@dataclasses.dataclass(eq=False)
class Member:
  """What one cell of a group writes to.

  Attributes:
    name: of the cell.
    experiment: durations in steps.
    ended: (status, reason) once it takes part no more.
    looked: the last step whose metrics were looked at.
  """

  name: str
  experiment: core.Experiment
  folder: RunFolder
  lock: RunLock
  checkpoints: Checkpoints
  writer: Writer
  times: Goodput
  report: Refresher
  engine: Any
  health: Health
  ended: tuple[str, str] | None = None
  looked: int = 0


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
  clocks = Clocks()
  first = experiments[0]
  loop.check(first, devices)
  with clocks.of('data'):
    dataset = first.data.source.open(first.data)
    check_columns(dataset, first.algorithm)
    algorithm = first.algorithm
    check_inputs(dataset, algorithm.inputs, algorithm.aligned)
    check_classes(dataset, algorithm)
  resolved = [
    config.resolve(each, dataset.num_examples) for each in experiments
  ]
  with clocks.of('probe'):
    measure = loop.open_probe(resolved[0], dataset, devices)
  with contextlib.ExitStack() as stack, StopRequest() as stop:
    members, restored = [], []
    for name, each, whole, path in zip(
      names, resolved, experiments, folders, strict=True
    ):
      member, state = _open(
        *(stack, name, each, whole, path, dataset, devices, measure, clocks),
        command,
      )
      members.append(member)
      restored.append(state)
    steps = {state.step if state else 0 for state in restored}
    if len(steps) > 1:
      raise Uneven
    program = Program(
      *(resolved, traced, [m.engine for m in members], devices, way)
    )
    _begin(program, members, restored, devices)
    _take_steps(program, members, steps.pop(), dataset, devices, clocks, stop)
  return {m.name: m.ended or ('finished', '') for m in members}


def _open(
  stack, name, resolved, whole, path, dataset, devices, measure, clocks, command
) -> tuple[Member, Any]:
  """Open the folder of a cell; return it with what its checkpoint holds."""
  folder = RunFolder(path, writable=True)
  report = stack.enter_context(Refresher(folder.path, enabled=True))
  lock = stack.enter_context(RunLock(folder.path, enabled=True))
  folder.check_config(whole)
  with lock.writing(0):
    folder.begin(whole, resolved, dataset, devices, command)
  plan = resolved.train
  checkpoints = stack.enter_context(
    Checkpoints(
      folder.checkpoints, keep_last=plan.keep_last, keep_every=plan.keep_every
    )
  )
  writer = stack.enter_context(Writer(folder.path, enabled=True))
  times = stack.enter_context(Goodput(folder.path, clocks, enabled=True))
  restored = checkpoints.restore(shapes.state_shapes(resolved))
  first = restored.step if restored else 0
  engine = pipeline.open_engine(
    dataset,
    resolved.data,
    rows_per_step=_rows(resolved),
    seed=plan.seed,
    placer=devices,
    last_step=plan.duration,
  )
  with lock.writing(first):
    writer.cut(first)
    host = restored.host if restored else {}
    health = Health(resolved, measure, writer, dataset.class_names, host)
  member = Member(
    *(name, resolved, folder, lock, checkpoints, writer, times, report, engine),
    health,
  )
  return member, restored


def _begin(program: Program, members, restored, devices) -> None:
  init = devices.compile_init(shapes.initializer(members[0].experiment))
  states, keys = [], []
  for member, state in zip(members, restored, strict=True):
    keys.append(devices.replicate(_keys(member)[1]))
    states.append(
      devices.place_state(state.state)
      if state
      else init(devices.replicate(_keys(member)[0]), ())
    )
  program.begin(states, keys)


def _keys(member: Member) -> jax.Array:
  """Return the keys of the first state, of the steps, of the pictures."""
  return jax.random.split(jax.random.key(member.experiment.train.seed), 3)


def _rows(experiment: core.Experiment) -> int:
  each = core.batches_per_step(experiment.algorithm)
  return experiment.train.batch_size * each


def _take_steps(program, members, first, dataset, devices, clocks, stop):
  experiment = members[0].experiment
  plan, rows = experiment.train, _rows(experiment)
  heldout = devices.replicate(
    pipeline.heldout_batch(dataset, experiment.data, plan.render_count)
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


def note(
  member, step, state, values, save, rendered, render, heldout, clocks, progress
) -> None:
  """Log, watch, draw and save one cell, as the loop of a run does.

  Raises:
    Diverged: a number is not finite.
  """
  with clocks.of('probe'):
    row = values | member.health.measure(step, state)
  with clocks.of('log'), member.lock.writing(step):
    member.writer.scalars(step, row)
  with clocks.of('alarms'), member.lock.writing(step):
    alarm = member.health.look(
      step, row, lambda text: progress.say(f'{member.name}: {text}')
    )
    member.times.note(step)
  names = member.engine.names(step - 1)
  finite.check_metrics(step, member.looked, values, state, names)
  member.looked = step
  save |= member.health.improved(step, row) or alarm is not None
  if rendered:
    with clocks.of('render'), member.lock.writing(step):
      key = _keys(member)[2]
      pictures = jax.device_get(render(state, heldout, key))
      member.writer.images(step, pictures)
  if member.health.evaluates(step):
    with clocks.of('probe'), member.lock.writing(step):
      member.writer.images(step, member.health.pictures(state))
  if save:
    with clocks.of('checkpoint'), member.lock.writing(step):
      finite.check_state(step, state, names)
      best = member.health.best
      host = {
        'seed': member.experiment.train.seed,
        'rollbacks': 0,
        **member.health.host(),
      }
      member.checkpoints.save(
        step, state, host, keep=[best.step] if best else []
      )
    with clocks.of('plot'):
      member.writer.plot()
      member.report.refresh()
  if alarm is not None:
    member.ended = 'stopped', alarm


def _finish(members: Sequence[Member], first: int, clocks: Clocks) -> None:
  for member in members:
    with clocks.of('checkpoint'):
      member.checkpoints.wait()
    duration = member.experiment.train.duration
    if first < duration and not member.ended:
      summary = clocks.summary(duration - first, _rows(member.experiment))
      whole = {**summary, **member.times.summary(), 'rollbacks': 0}
      with member.lock.writing(duration):
        member.folder.finish({**whole, 'together': len(members)})
