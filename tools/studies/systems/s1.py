"""The rows of the second project: DCGAN and WGAN at 128 px."""

from tools.studies.systems.row import (
  Do,
  Row,
  at_least,
  at_most,
  measured,
  not_above,
)
from tools.studies.systems.s0 import OVER_RUN

_WAYS = ('gradients_clipped', 'weights_clipped', 'gradient_penalty')

ROWS = (
  Row(
    'S1.1',
    'DCGAN at 128 px',
    'The DCGAN of the PyTorch tutorial with one more layer, on 8,027 paintings '
    'by 50 artists resized to 128x128.',
    "Mode collapse; D's loss went to 0.",
    (
      Do(
        'art_jax train dcgan_art128 --data={paintings} --workdir={work}/run '
        '--set algorithm.generator.width=16 '
        '--set algorithm.discriminator.width=16 --set train.batch_size=32 '
        '--set algorithm.generator_optimizer.learning_rate=5e-4 '
        '--set algorithm.discriminator_optimizer.learning_rate=5e-4 '
        '--set train.duration=4000 --set train.render_every=400 '
        '--set train.checkpoint_every=400'
      ),
      Do('tools.studies.over_run {work}/run', OVER_RUN),
      Do(
        'tools.studies.side_by_side {work}/run --num=300 '
        '--output={work}/samples.png',
        tables=True,
      ),
    ),
    (
      at_least(
        'no collapse: diversity at the end, over that of the data',
        'last diversity',
        0.5,
      ),
      measured(
        'lowest diversity after the first tenth of the run, and its step',
        'lowest diversity',
        'step of it',
        text='{:.3g} at step {:.0f}',
      ),
      measured('alarms of the run', 'alarms', text='{:.0f}'),
    ),
    budget=60,
    takes=35,
    figure=('S1.1/run/losses.png', 'S1.1/samples.png'),
    caption='Losses of each step; paintings and samples.',
    needs=('paintings',),
    note='128 px, width 16, 4,000 steps of batch 32 on the paintings of van '
    'Gogh. Width 64 on 8,027 paintings takes an hour on a GPU.',
  ),
  Row(
    'S1.2',
    'Wasserstein GAN at 128 px',
    'A critic without sigmoid, trained for several steps per step of G, its '
    '*gradients* clipped (the paper clips *weights*); RMSprop.',
    'It still collapsed; losses near 0 were mistaken for failure.',
    (
      Do(
        'tools.studies.tables wgan --workdir={work}/table --data={paintings} '
        '--size=64 --width=16 --batch=32 --num=500 --steps=600 --seeds=3',
        tables=True,
      ),
      Do(
        'tools.studies.over_run {work}/table/weights_clipped_0',
        OVER_RUN,
        prefix='weights_clipped ',
      ),
    ),
    (
      *(
        measured(
          f'{way.replace("_", " ")}, three seeds: gap / slope, and diversity',
          *(
            f'{way}/{c}{x}'
            for c in ('gap / slope', 'diversity')
            for x in ('', ' +-')
          ),
          text='{:.3g} +- {:.2g}, {:.3g} +- {:.2g}',
        )
        for way in _WAYS
      ),
      not_above(
        'clipped weights bound the slope of the critic: at most a tenth of '
        'that with clipped gradients',
        'weights_clipped/slope',
        'gradients_clipped/slope',
        0.1,
      ),
      at_most(
        'a loss near 0 of clipped weights rings no alarm: alarms',
        'weights_clipped alarms',
        0,
      ),
    ),
    budget=90,
    takes=45,
    figure=tuple(f'S1.2/table/{way}_0/losses.png' for way in _WAYS),
    caption='Losses: gradients clipped, weights clipped, gradient penalty.',
    needs=('paintings',),
    note='64 px, width 16, 600 updates of G (3,000 of the critic), batch 32, '
    'three seeds: +- is the deviation over them. 128 px and 11,900 updates '
    'take some hours on a GPU.',
  ),
)
