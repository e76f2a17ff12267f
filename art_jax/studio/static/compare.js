// Runs side by side: curves over each other, pictures at equal steps.
import {Chart} from './chart.js';
import {askJson, byId, keys, make, number, problem, query, show} from './studio.js';

const MOST = 8, EVERY = 10000;
let runs = [], chosen = new Set((query.get('ids') || '').split(',').filter(Boolean));
let compared = null, charts = new Map(), turn = 0;

function showChoices() {
  const words = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter((line) => chosen.has(line.id) || words.every((word) => `${line.name} ${line.model} ${line.state}`.toLowerCase().includes(word)));
  byId('choices').replaceChildren(...found.slice(0, 60).map((line) => {
    const box = make('input', {type: 'checkbox', value: line.id});
    box.checked = chosen.has(line.id);
    box.disabled = !box.checked && chosen.size >= MOST;
    box.addEventListener('change', () => {
      if (box.checked) chosen.add(line.id); else chosen.delete(line.id);
      const address = new URL(location.href);
      address.searchParams.set('ids', [...chosen].join(','));
      history.replaceState(null, '', address);
      showChoices();
      load();
    });
    return make('label', {}, box, ` ${line.name} `, make('small', {text: `${line.model} ${line.state}`}));
  }));
}

async function load() {
  const mine = ++turn;
  byId('compared').hidden = chosen.size < 2;
  byId('told').hidden = chosen.size >= 2;
  if (chosen.size < 2) return;
  try {
    const told = await askJson(`/api/compare?ids=${[...chosen].join(',')}`);
    if (mine !== turn) return;
    problem('');
    compared = told;
    showTable(); showCurves(); showNames(); showDifferences();
  } catch (error) { problem(error.message); }
}

const nameOf = (id) => compared.runs.find((line) => line.id === id).name;

function row(cells, tag = 'td') {
  return make('tr', {}, ...cells.map((cell) => cell instanceof Node ? make(tag, {}, cell) : make(tag, {text: cell})));
}

function showTable() {
  byId('table').replaceChildren(
    row(['run', 'model', 'state', 'step', 'pictures/s', 'last alarm'], 'th'),
    ...compared.runs.map((line) => row([
      make('a', {href: `/run?id=${line.id}`, text: line.name}), line.model,
      make('span', {class: `badge ${line.state}`, text: line.state}),
      `${number(line.step)} of ${number(line.duration)}`, number(line.rate), line.alarm || 'none'])));
  byId('notes').replaceChildren(...compared.notes.map((text) => make('p', {class: 'note', text})));
}

function showCurves() {
  const ids = compared.runs.map((line) => line.id), key = ids.join();
  if (byId('curves').dataset.key !== key) {
    byId('curves').dataset.key = key;
    byId('curves').replaceChildren();
    charts = new Map();
  }
  for (const {title, curves} of compared.figures) {
    if (!charts.has(title)) {
      const chart = new Chart(title, ids, nameOf);
      charts.set(title, chart);
      byId('curves').append(chart.element);
    }
    for (const id of ids) charts.get(title).set(id, curves[id] || null);
    charts.get(title).draw();
  }
  byId('last').replaceChildren(row(['last value of', ...ids.map(nameOf)], 'th'),
    ...compared.figures.map(({title, last}) => row([title, ...ids.map((id) => number(last[id]))])));
}

function showNames() {
  const late = (name) => ['nearest', 'interpolation'].includes(name);
  const names = [...new Set(Object.values(compared.pictures).flatMap((found) => Object.keys(found)))].sort((a, b) => late(a) - late(b));
  const choice = byId('name'), old = choice.dataset.chosen;
  byId('pictures-section').hidden = !names.length;
  choice.replaceChildren(...names.map((name) => make('option', {value: name, text: name})));
  choice.value = names.includes(old) ? old : names.includes('samples') ? 'samples' : names[0] || '';
  showSteps();
}

function steps() {
  const all = Object.values(compared.pictures).flatMap((found) => found[byId('name').value] || []);
  return [...new Set(all)].sort((a, b) => a - b);
}

function showSteps() {
  const all = steps(), range = byId('step');
  const atEnd = Number(range.value) >= Number(range.max);
  range.max = Math.max(all.length - 1, 0);
  if (atEnd) range.value = range.max;
  showPictures();
}

function showPictures() {
  const name = byId('name').value, step = steps()[byId('step').value];
  byId('step-text').textContent = step === undefined ? '' : `step ${number(step)}, or the last one before it`;
  byId('step-number').value = step ?? '';
  const place = byId('pictures');
  for (const {id} of compared.runs) {
    let figure = [...place.children].find((each) => each.dataset.id === id);
    if (!figure) place.append(figure = make('figure', {class: 'sheet', 'data-id': id}, make('img', {alt: ''}), make('figcaption')));
    const there = (compared.pictures[id][name] || []).filter((one) => one <= step).at(-1);
    const key = `${name} ${there}`;
    figure.lastChild.textContent = `${nameOf(id)}${there === undefined ? ': none yet' : `, step ${number(there)}`}`;
    figure.firstChild.hidden = there === undefined;
    if (there === undefined || figure.dataset.key === key) continue;
    figure.dataset.key = key;
    show(figure.firstChild, `/api/runs/${id}/picture?name=${encodeURIComponent(name)}&step=${there}&side=480`).catch(() => {});
  }
  for (const figure of [...place.children]) if (!compared.runs.some((line) => line.id === figure.dataset.id)) figure.remove();
}

function showDifferences() {
  const rows = compared.differences;
  byId('differences').replaceChildren(rows.length
    ? make('div', {class: 'scroll'}, make('table', {}, row(['field', ...compared.runs.map((line) => line.name)], 'th'),
      ...rows.map(([path, values]) => make('tr', {}, ...[path, ...values].map((text) => make('td', {class: 'path', text}))))))
    : make('p', {text: 'None.'}));
}

byId('search').addEventListener('input', showChoices);
byId('name').addEventListener('change', () => { byId('name').dataset.chosen = byId('name').value; byId('step').value = byId('step').max; showSteps(); });
byId('step').addEventListener('input', showPictures);
byId('step-number').addEventListener('change', () => {
  const at = steps().filter((one) => one <= Number(byId('step-number').value)).length - 1;
  byId('step').value = Math.max(at, 0);
  showPictures();
});
keys({'/': () => byId('search').focus()});
askJson('/api/runs').then((told) => {
  runs = told.runs.sort((a, b) => b.changed - a.changed);
  chosen = new Set([...chosen].filter((id) => runs.some((line) => line.id === id)));
  if (runs.length < 2) byId('told').textContent = 'There are not two runs to compare yet.';
  showChoices();
  load();
}).catch((error) => problem(error.message));
setInterval(() => {
  if (!document.hidden && compared && compared.runs.some((line) => line.state === 'running')) load();
}, EVERY);
