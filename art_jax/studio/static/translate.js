// A photo through a trained translator, and before and after.
import {byId, make, post, problem, save} from './studio.js';
import {chooseModel, dropPlace, doJob, fileOf, model, upload} from './model.js';

let about = null, id = '', photo = null, style = null, made = null;

// What a direction maps to what: in the words of the run's own pictures.
function titleOf(name) {
  if (!['ab', 'ba'].includes(name)) return name;
  const [a, b] = about.can.domains.length ? about.can.domains : ['domain a', 'domain b'];
  return name === 'ab' ? `${a} to ${b}` : `${b} to ${a}`;
}

function ready() {
  byId('go').disabled = !about || !photo || (about.can.styled && !style);
}

async function take(file, isStyle) {
  const place = byId(isStyle ? 'style-name' : 'photo-name');
  place.textContent = `${file.name}: sending`;
  try {
    const told = await upload(file);
    problem('');
    place.textContent = `${file.name}, ${told.width} x ${told.height} px`;
    const one = {...told, name: file.name, url: URL.createObjectURL(file)};
    if (isStyle) style = one; else photo = one;
    const shown = byId(isStyle ? 'style-shown' : 'photo-shown');
    shown.src = one.url;
    shown.hidden = false;
    ready();
    if (!byId('go').disabled) go();
  } catch (error) {
    place.textContent = '';
    problem(error.message);
  }
}

async function go() {
  if (byId('go').disabled) return;
  byId('go').disabled = true;
  const uploads = [photo.id, ...(about.can.styled ? [style.id] : [])];
  const before = photo;
  await doJob(() => post(`/api/runs/${id}/translate`, {
    ...model(), direction: byId('direction').value, uploads,
  }), async (job) => {
    made = {blob: await fileOf(job, job.files[0]), name: before.name.replace(/\.\w+$/, '') + `_${job.result.direction}.png`};
    byId('told').textContent = `${titleOf(job.result.direction)}, step ${job.result.step}, ${job.result.width} x ${job.result.height} px`;
    byId('result').hidden = false;
    byId('before').src = before.url;
    byId('after').onload = split;
    byId('after').src = URL.createObjectURL(made.blob);
  });
  ready();
}

function split() {
  const at = byId('split').value;
  byId('cover').style.width = `${at}%`;
  byId('before').style.width = `${byId('after').clientWidth}px`;
}

byId('split').addEventListener('input', split);
addEventListener('resize', split);
byId('both').addEventListener('pointermove', (event) => {
  const box = byId('both').getBoundingClientRect();
  byId('split').value = 100 * (event.clientX - box.left) / box.width;
  split();
});
byId('go').addEventListener('click', go);
byId('direction').addEventListener('change', go);
byId('checkpoint').addEventListener('change', go);
byId('download').addEventListener('click', () => save(made.blob, made.name));
dropPlace(byId('photo-drop'), byId('photo'), (file) => take(file, false));
dropPlace(byId('style-drop'), byId('style'), (file) => take(file, true));
addEventListener('paste', (event) => {
  const file = [...event.clipboardData.files][0];
  if (file) take(file, false);
});

chooseModel((can) => can.directions?.length > 0, (name) => `${name} translates no pictures. Choose a run of CycleGAN, CUT, pix2pix, a fast style or AdaIN.`, (told, chosen) => {
  about = told; id = chosen;
  if (about) {
    byId('direction').replaceChildren(...about.can.directions.map((name) => make('option', {value: name, text: titleOf(name)})));
    byId('direction-label').hidden = about.can.directions.length < 2 && !['ab', 'ba'].includes(about.can.directions[0]);
    byId('style-drop').hidden = !about.can.styled;
  }
  ready();
}).catch((error) => problem(error.message));
