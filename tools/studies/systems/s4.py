"""The rows of the fifth project: Japanese art, and GANGogh."""

from tools.studies.systems.row import (
  Do,
  Figures,
  Row,
  Target,
  at_least,
  measured,
  not_above,
)
from tools.studies.systems.s0 import OVER_RUN
from tools.studies.systems.s2 import CLASSES

STEPS = 3500
_TABLE = Do(
  'tools.studies.tables smoothing --workdir={shared}/S4.2/table '
  '--data={paintings} --size=64 --width=16 --batch=32 --num=500 '
  f'--steps={STEPS} --seeds=3',
  tables=True,
)
_NOTE = (
  'Three seeds of each of four recipes, 64 px, width 16, 3,500 steps of batch '
  '32 (the project: width 64, batch 128), so that the twelve runs fit into '
  'two core-hours. Only 11 Japanese pictures were at hand, so the runs are '
  'trained on van Gogh. None of the twelve runs diverges, but all get worse '
  'after their best moment (columns `best kid` and `kid`).'
)


def _onset(cell: str) -> Target:
  def judge(f: Figures) -> tuple[str, bool]:
    step = f[f'{cell}/alarm']
    if step >= STEPS:
      return f'none within {STEPS:,} steps', True
    return f'step {step:.0f} +- {f[f"{cell}/alarm +-"]:.0f}', True

  return Target('onset of divergence, by the alarm, three seeds', judge)


def _cell(cell: str) -> Target:
  def judge(f: Figures) -> tuple[str, bool]:
    board, spikes, kid = (
      f'{f[f"{cell}/{name}"]:.3g} +- {f[f"{cell}/{name} +-"]:.2g}'
      for name in ('checkerboard', 'spikes', 'kid')
    )
    onset, _ = _onset(cell).judge(f)
    return f'{board}; onset: {onset}; spikes: {spikes}; KID: {kid}', True

  name = cell.replace('_', ' and ')
  return Target(
    f'{name}, three seeds: checkerboard (data: 1), onset by the alarm, spikes, '
    'KID',
    judge,
  )


def _cause(f: Figures) -> tuple[str, bool]:
  texts = []
  for name in ('leaky ReLU in G', 'smoothed labels'):
    value, half = (f[f'{name}/ln checkerboard{end}'] for end in ('', ' +-'))
    sure = '' if abs(value) > half else ', no sure effect'
    texts.append(f'{name} {value:+.2f} +- {half:.2f}{sure}')
  return '; '.join(texts), True


def _runs(cell: str) -> tuple[Do, Do, Do]:
  return (
    _TABLE,
    Do(f'tools.studies.over_run {{shared}}/S4.2/table/{cell}_0', OVER_RUN),
    Do(
      f'tools.studies.side_by_side {{shared}}/S4.2/table/{cell}_0 --num=300 '
      '--output={work}/samples.png'
    ),
  )


def _recipe_figures(name: str, run: str) -> Do:
  rows = {
    'kid': 'kid_heldout/squeezenet',
    'recall': 'recall_heldout',
    'copied': 'copied',
  }
  return Do(
    f'tools.studies.recipe_figures {{{run}}} --output={{work}}/figures.json',
    tuple(
      (key, rf'^\| {row} \|.*\| ([\d.e+-]+) \+- [\d.e+-]+ \|$')
      for key, row in rows.items()
    ),
    prefix=f'{name} ',
    minutes=20,
  )


ROWS = (
  Row(
    'S4.1',
    'DCGAN on Japanese art, version 1',
    'The five layers of the DCGAN tutorial on 2,235 pictures of 64 px, batch '
    '128, Adam 5e-4, 300 epochs.',
    'Losses diverge after 2,000 iterations, with spikes after 2,500.',
    _runs('plain'),
    (
      _onset('plain'),
      measured(
        'spikes of a run, three seeds',
        'plain/spikes',
        'plain/spikes +-',
        text='{:.2g} +- {:.2g}',
      ),
      at_least('diversity at the end', 'plain/diversity', 0.5),
    ),
    budget=60,
    takes=3,
    figure=('S4.2/table/plain_0/losses.png', 'S4.1/samples.png'),
    caption='Losses of a run; paintings and samples.',
    needs=('paintings',),
    after=('S4.2',),
    note=f'The plain cell of S4.2. {_NOTE}',
  ),
  Row(
    'S4.2',
    'Version 2: smoothed labels and leaky ReLU in G',
    'Targets from U(0.7, 1) and U(0, 0.3), and leaky ReLU in G; 100 epochs.',
    'It diverged after 500 iterations, with blur and checkerboard artifacts. '
    'Two things were changed at once.',
    (_TABLE,),
    (
      *map(_cell, ('plain', 'leaky', 'smoothed', 'smoothed_leaky')),
      Target(
        'which change made the pattern: effect on the logarithm of '
        'checkerboard, 95 % interval',
        _cause,
      ),
    ),
    budget=180,
    takes=90,
    figure=tuple(
      f'S4.2/table/{cell}_0/images/samples/*.png'
      for cell in ('plain', 'leaky', 'smoothed', 'smoothed_leaky')
    ),
    caption='Samples: plain, leaky ReLU, smoothed labels, both.',
    needs=('paintings',),
    note=f'{_NOTE} Leaky ReLU in G makes the pattern weaker, not stronger.',
  ),
  Row(
    'S4.3',
    'Version 3: smoothed labels alone',
    'ReLU back in G, 400 epochs: the best of the three.',
    'Structure that is visible after two thirds of the run vanishes again and '
    'returns near the end; losses have spikes after 6,000 iterations.',
    _runs('smoothed'),
    (
      not_above(
        'KID of the best moment that was kept, at most that of the last one '
        '(three seeds)',
        'smoothed/best kid',
        'smoothed/kid',
      ),
      _onset('smoothed'),
      measured(
        'lowest and last KID of the probes of a run', 'lowest kid', 'last kid'
      ),
    ),
    budget=60,
    takes=3,
    figure=('S4.2/table/smoothed_0/losses.png', 'S4.3/samples.png'),
    caption='Losses of a run; paintings and samples.',
    needs=('paintings',),
    after=('S4.2',),
    note=f'The smoothed cell of S4.2. {_NOTE}',
  ),
  Row(
    'S4.4',
    'Diffusion, the next step that was named',
    'Named as more stable and better at generating images than GANs.',
    'Not tried.',
    (
      _recipe_figures('flow', 'flow'),
      _recipe_figures('DCGAN', 'dcgan'),
      Do(
        'tools.studies.side_by_side {flow} {dcgan} --num=200 '
        '--output={work}/samples.png'
      ),
      Do(
        'art_jax sample {flow} --study=interpolate '
        '--output={work}/interpolate --overwrite'
      ),
    ),
    (
      not_above(
        'KID to paintings kept aside (SqueezeNet), mean of the last quarter: '
        'not above that of DCGAN',
        'flow kid',
        'DCGAN kid',
      ),
      Target(
        'recall of paintings kept aside: not below that of DCGAN',
        lambda f: (
          f'{f["flow recall"]:.3g} to {f["DCGAN recall"]:.3g}',
          f['flow recall'] >= f['DCGAN recall'],
        ),
      ),
      measured('copies among the samples', 'flow copied'),
    ),
    budget=60,
    takes=35,
    figure=('S4.4/samples.png',),
    caption='Paintings, rectified flow, DCGAN.',
    needs=('flow', 'dcgan'),
    note='Two runs of about a core-hour on the same paintings of van Gogh at '
    '64 px: `flow_paintings`, 5,150 steps of 16, and `dcgan_paintings` of '
    'width 32, 18,000 steps of 32 (docs/projected.md).',
    unreached='An hour of one core is short for diffusion (docs/diffusion.md).',
  ),
  Row(
    'GANGogh',
    'Conditional WGAN-GP with a classifier',
    'The system that the third project compares itself with: activations gated '
    'by the genre, a critic with a second head, 14 genres of WikiArt.',
    'Not part of the project.',
    (
      Do(
        'art_jax train gangogh --workdir={work}/run '
        '--set algorithm.generator.width=16 '
        '--set algorithm.discriminator.width=16 '
        '--set algorithm.discriminator.num_classes=5 '
        '--set algorithm.generator_optimizer.learning_rate=3e-4 '
        '--set algorithm.discriminator_optimizer.learning_rate=3e-4 '
        '--set train.batch_size=32 --set train.duration=3400 '
        '--set train.render_every=340 --set train.checkpoint_every=340'
      ),
      Do('tools.studies.over_run {work}/run', OVER_RUN),
      Do('tools.studies.class_agreement {work}/run', CLASSES),
      Do(
        'art_jax sample {work}/run --study=classes --output={work}/classes '
        '--overwrite'
      ),
    ),
    (
      at_least(
        'the genre asked for is drawn (chance: 20 %)', 'agreement', 50, ' %'
      ),
      at_least('diversity within a genre', 'diversity', 0.5),
      measured('alarms of the run', 'alarms', text='{:.0f}'),
    ),
    budget=90,
    takes=50,
    figure=('GANGogh/run/losses.png', 'GANGogh/classes/*.png'),
    caption='Losses; columns: landscape, portrait, flower, cityscape, '
    'abstract.',
    note='The five built-in genres at 64 px, width 16, batch 32, 3,000 updates '
    'of G and 17,000 of the critic. 200,000 updates at width 64 take days on a '
    'GPU.',
    unreached='It was trained for 3,000 of the 200,000 updates of its authors.',
  ),
)
