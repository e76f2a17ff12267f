// The choice of a run and its checkpoint, and jobs that the worker does.
import {ask, askJson, byId, make, problem, query} from './studio.js';

// Fills the choices; calls chosen(about, id) for each choice that is made.
export async function chooseModel(can, cannot, chosen) {
  const {runs} = await askJson('/api/runs');
  const choice = byId('run');
  runs.sort((a, b) => b.changed - a.changed);
  choice.replaceChildren(...runs.map((line) => make('option', {value: line.id, text: `${line.name} (${line.model || '?'})`})));
  if (!runs.length) throw new Error('There is no run yet. Train one: art_jax train cyclegan_demo');
  const wanted = query.get('id');
  if (wanted && runs.some((line) => line.id === wanted)) choice.value = wanted;
  else choice.value = (await firstThatCan(runs, can)) || runs[0].id;
  async function take() {
    const id = choice.value;
    const about = await askJson(`/api/runs/${id}`);
    if (id !== choice.value) return;
    fillCheckpoints(about);
    const able = can(about.can);
    byId('about').textContent = about.can.model ? `${about.can.model}, ${about.can.size} px` : '';
    byId('cannot').hidden = able;
    byId('cannot').textContent = able ? '' : cannot(about.can.model || 'This run');
    byId('controls').hidden = !able;
    if (able) fillFields(about.can.fields);
    chosen(able ? about : null, id);
  }
  choice.addEventListener('change', () => {
    const address = new URL(location.href);
    address.searchParams.set('id', choice.value);
    history.replaceState(null, '', address);
    take();
  });
  await take();
}

async function firstThatCan(runs, can) {
  for (const line of runs.slice(0, 12)) {
    const about = await askJson(`/api/runs/${line.id}`).catch(() => null);
    if (about && can(about.can) && about.checkpoints.length) return line.id;
  }
  return null;
}

function fillCheckpoints(about) {
  const names = ['latest', ...(about.best && about.best.step ? ['best'] : []), ...about.checkpoints.map(String).reverse()];
  const choice = byId('checkpoint'), old = choice.value;
  choice.replaceChildren(...names.map((name) => make('option', {value: name, text: name === 'best' ? `best (step ${about.best.step})` : name})));
  choice.value = names.includes(old) ? old : 'latest';
}

// The first numbers (steps, guidance) are shown, the others can be unfolded.
function fillFields(fields) {
  const labels = fields.map(({name, value, whole}) => make('label', {text: name.replaceAll('_', ' ')},
    make('input', {type: 'number', 'data-field': name, 'data-value': value, value, step: whole ? 1 : 'any'})));
  const more = labels.splice(2);
  byId('fields').replaceChildren(...labels, ...(more.length
    ? [make('details', {}, make('summary', {text: 'More numbers'}), make('div', {class: 'controls'}, ...more))] : []));
}

// What the worker needs to know of the model: only what was changed.
export function model() {
  const fields = {};
  for (const input of document.querySelectorAll('[data-field]')) {
    if (input.value !== '' && Number(input.value) !== Number(input.dataset.value)) fields[input.dataset.field] = Number(input.value);
  }
  return {checkpoint: byId('checkpoint').value, fields};
}

// Waits for a job; tell(text) as it goes, preview(blob). Returns it, or null.
async function finish(job, {tell, preview}) {
  const stop = byId('stop'), began = performance.now();
  let previews = 0;
  stop.hidden = false;
  stop.onclick = () => ask(`/api/jobs/${job.id}`, {method: 'DELETE'}).catch(() => {});
  try {
    for (;;) {
      const seconds = (performance.now() - began) / 1000;
      if (job.state === 'failed') throw new Error(job.text);
      if (job.state === 'stopped') { tell('stopped'); return null; }
      if (job.state === 'done') { tell(job.text || `done in ${seconds.toFixed(1)} s`); return job; }
      tell(`${job.text} (${Math.round(seconds)} s)`);
      if (preview && job.previews > previews) {
        previews = job.previews;
        preview(await (await ask(`/api/jobs/${job.id}/preview`)).blob());
      }
      // Answered as soon as there is something new, after a second at most.
      job = await askJson(`/api/jobs/${job.id}?seen=${job.version}`);
    }
  } finally {
    stop.hidden = true;
  }
}

// Does the job that begin() asks for, then done(job) unless it was stopped; the
// page tells how it goes and what went wrong.
export async function doJob(begin, done, preview) {
  const tell = (text) => { byId('job').textContent = text; };
  try {
    const job = await finish(await begin(), {tell, preview});
    problem('');
    if (job) await done(job);
  } catch (error) {
    problem(error.message);
    tell('');
  }
}

export const fileOf = async (job, name) => (await ask(`/api/jobs/${job.id}/files/${encodeURIComponent(name)}`)).blob();

// A place that pictures are dropped on, or chosen, or pasted into.
export function dropPlace(place, input, take) {
  place.addEventListener('click', () => input.click());
  place.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); input.click(); }
  });
  input.addEventListener('click', (event) => event.stopPropagation());
  input.addEventListener('change', () => { if (input.files[0]) take(input.files[0]); input.value = ''; });
  for (const kind of ['dragenter', 'dragover']) place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.add('over'); });
  for (const kind of ['dragleave', 'drop']) place.addEventListener(kind, () => place.classList.remove('over'));
  place.addEventListener('drop', (event) => { event.preventDefault(); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); });
}

export const upload = async (file) => (await ask('/api/uploads', {method: 'POST', body: file})).json();
