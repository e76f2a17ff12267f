// One run: what it logs, as it logs it.
import {Chart} from './chart.js';
import {askJson, byId, follow, keys, make, number, post, problem, query, show} from './studio.js';

const id = query.get('id') || '';
const base = `/api/runs/${encodeURIComponent(id)}`;
let line = {}, alarms = [], pictures = {}, charts = new Map(), playing = null;

const address = (name, step, side) => `${base}/picture?name=${encodeURIComponent(name)}&step=${step}&side=${side}`;

function showLine() {
  document.title = `${line.name} - art_jax studio`;
  byId('name').textContent = line.name;
  byId('state').textContent = line.state;
  byId('state').className = 'badge ' + line.state;
  const whole = line.duration ? ` of ${number(line.duration)}` : '';
  byId('where').textContent = `${line.model} · step ${number(line.step)}${whole}${line.loading ? ' · loading, compiling' : ''}`;
  const none = byId('no-curves');
  if (none) none.textContent = line.loading ? 'It loads and compiles; the first numbers come after its first steps.' : 'Nothing is logged yet.';
  tellAbout();
  if (!['running', 'new'].includes(line.state)) byId('told').textContent = '';
  byId('stop').hidden = line.state !== 'running';
  byId('resume').hidden = !['stopped', 'crashed', 'new'].includes(line.state);
  const began = alarms.filter((alarm) => alarm.begins).length;
  const facts = [
    [line.rate ? number(line.rate) : '-', 'pictures a second'],
    [began, `${began === 1 ? 'alarm' : 'alarms'}${began ? (alarms.some((a) => a.begins && endOf(a) === null) ? `, ${still()}` : ', over') : ''}`],
    [line.changed ? new Date(line.changed * 1000).toLocaleString() : '-', 'last written'],
  ];
  byId('facts').replaceChildren(...facts.map(([value, what]) =>
    make('div', {}, make('b', {text: value}), what)));
}

const still = () => (line.state === 'running' ? 'still on' : 'on when it ended');

function endOf(alarm) {
  const ends = alarms.filter((a) => !a.begins && a.alarm === alarm.alarm && a.step > alarm.step);
  return ends.length ? Math.min(...ends.map((a) => a.step)) : null;
}

function showAlarms() {
  const whole = Math.max(line.duration || 0, line.step || 0, 1);
  const began = alarms.filter((alarm) => alarm.begins);
  const done = make('i', {class: 'done'});
  done.style.width = `${100 * line.step / whole}%`;
  const bars = began.map((alarm) => {
    const bar = make('i', {class: 'fired', title: alarm.alarm.replaceAll('_', ' ')});
    const since = alarm.since ?? alarm.step;
    bar.style.left = `${100 * since / whole}%`;
    bar.style.width = `${100 * ((endOf(alarm) ?? line.step) - since) / whole}%`;
    return bar;
  });
  byId('line').replaceChildren(done, ...bars);
  byId('line').setAttribute('aria-label', `Step ${line.step} of ${whole}, ${began.length} alarms`);
  byId('end').textContent = `step ${number(whole)}`;
  const texts = began.map((alarm) => {
    const over = endOf(alarm);
    const text = String(alarm.text || '');
    return make('div', {class: over === null ? 'alarm' : 'alarm ended'},
      make('b', {text: alarm.alarm.replaceAll('_', ' ')}),
      make('small', {text: ` since step ${number(alarm.since ?? alarm.step)}${over === null ? `, ${still()}, at step ${number(line.step)}` : `, over at step ${number(over)}`}`}),
      make('p', {text: text.includes(': ') ? text.slice(text.indexOf(': ') + 2) : text}));
  });
  byId('alarms').replaceChildren(...(texts.length ? texts.reverse() : [make('p', {class: 'fine', text: line.step ? 'No alarm fired.' : line.loading ? 'It loads and compiles.' : 'Nothing is logged yet.'})]));
  if (began.some((alarm) => String(alarm.text).includes('--set'))) byId('alarms').append(make('p', {class: 'soft', text: 'What stands after --set is for a next run: among the fields of Start, or in the command below.'}));
  for (const {chart} of charts.values()) {
    chart.marks = began.map((alarm) => alarm.since ?? alarm.step);
    chart.draw();
  }
}

function showPictures() {
  const last = (name) => ['nearest', 'interpolation'].includes(name);
  const names = Object.keys(pictures).sort((a, b) => last(a) - last(b));
  byId('latest-section').hidden = byId('lapse-section').hidden = !names.length;
  const place = byId('latest');
  for (const name of names) {
    const step = pictures[name].at(-1);
    let figure = [...place.children].find((each) => each.dataset.name === name);
    if (!figure) {
      figure = make('figure', {class: 'sheet', 'data-name': name}, make('img', {alt: name}), make('figcaption'));
      place.append(figure);
    }
    if (figure.dataset.step === String(step)) continue;
    figure.dataset.step = step;
    show(figure.firstChild, address(name, step, 1400)).catch((error) => { figure.lastChild.textContent = error.message; });
    figure.lastChild.textContent = `${name}, step ${number(step)}`;
  }
  for (const figure of [...place.children]) if (!pictures[figure.dataset.name]) figure.remove();
  const choice = byId('lapse-name');
  if (choice.children.length !== names.length) {
    const old = choice.value;
    choice.replaceChildren(...names.map((name) => make('option', {value: name, text: name})));
    choice.value = names.includes(old) ? old : names.includes('samples') ? 'samples' : names[0] || '';
  }
  const range = byId('lapse-step');
  const steps = pictures[choice.value] || [];
  const atEnd = Number(range.value) >= Number(range.max);
  range.max = Math.max(steps.length - 1, 0);
  if (atEnd) range.value = range.max;
  showLapse();
}

let lapse = '';
function showLapse() {
  const name = byId('lapse-name').value;
  const step = (pictures[name] || [])[byId('lapse-step').value];
  if (step === undefined || lapse === `${name} ${step}`) return;
  lapse = `${name} ${step}`;
  byId('lapse-caption').textContent = `${name}, step ${number(step)}`;
  show(byId('lapse'), address(name, step, 1400)).catch(() => {});
}

function play() {
  const range = byId('lapse-step');
  if (playing) { clearInterval(playing); playing = null; byId('lapse-play').textContent = 'Play'; return; }
  if (range.value === range.max) range.value = 0;
  byId('lapse-play').textContent = 'Pause';
  playing = setInterval(() => {
    if (range.value === range.max) { play(); return; }
    range.value = Number(range.value) + 1;
    showLapse();
  }, 400);
}

function layOut(figures, columns) {
  charts = new Map();
  const made = figures.map(({title, group, names}) => {
    const chart = new Chart(title, names, (name) => name.startsWith(group + '/') ? name.slice(group.length + 1) : name);
    for (const name of names) { chart.set(name, columns[name]); charts.set(name, {chart}); }
    chart.draw();
    return chart.element;
  });
  if (made.length) byId('curves').replaceChildren(...made);
}

function addRows(rows) {
  const touched = new Set();
  for (const {step, ...values} of rows) {
    for (const [name, value] of Object.entries(values)) {
      if (!charts.has(name)) continue; // hidden, or one too many
      const {chart} = charts.get(name);
      chart.add(name, step, value);
      touched.add(chart);
    }
  }
  for (const chart of touched) chart.draw();
}

follow(`${base}/events`, {
  snapshot(all) {
    problem('');
    ({run: line, alarms, pictures} = all);
    layOut(all.figures, all.columns);
    showLine(); showAlarms(); showPictures();
  },
  run(changed) { line = changed; showLine(); showAlarms(); },
  rows: addRows,
  alarms(more) { alarms.push(...more); showLine(); showAlarms(); },
  pictures(more) {
    for (const {name, step} of more) {
      const steps = pictures[name] ||= [];
      if (!steps.includes(step)) steps.push(step);
      steps.sort((a, b) => a - b);
    }
    showPictures();
  },
  gone() { problem('The folder of this run was removed while it was shown.'); byId('state').textContent = 'removed'; },
  full() { problem('Too many pages watch this studio; close some.'); },
});

function table(heads, rows) {
  return make('div', {class: 'scroll'}, make('table', {},
    make('tr', {}, ...heads.map((text) => make('th', {text}))),
    ...rows.map((cells) => make('tr', {}, ...cells.map((text) => make('td', {class: 'path', text}))))));
}

async function showAbout() {
  const about = await askJson(base);
  byId('settings').hidden = false;
  const uses = [['Sample', '/sample', about.can.sample], ['Translate', '/translate', about.can.directions?.length], ['Paint', '/paint', about.can.sample], ['Repaint', '/repaint', about.can.inpaint]];
  byId('uses').replaceChildren(...uses.filter(([, , can]) => can && about.checkpoints.length)
    .map(([text, page]) => make('a', {href: `${page}?id=${id}`, text})),
    make('a', {href: `/compare?ids=${id}`, text: 'Compare'}));
  byId('notes').replaceChildren(...about.notes.map((text) => make('p', {class: 'note', text})));
  byId('changed').replaceChildren(
    about.changed === null ? make('p', {class: 'soft', text: 'What its experiment says by itself is not known here.'})
    : about.changed.length ? table(['field', 'default', 'this run'], about.changed.map(([path, [there, here]]) => [path, there, here]))
    : make('p', {text: "The experiment's own settings, unchanged."}));
  byId('config').textContent = about.config;
  byId('starts').replaceChildren(...about.starts.flatMap((start) => [
    make('small', {text: `${start.time} · ${start.device} · art_jax ${start.version}`}), make('pre', {text: start.command})]));
  byId('data').textContent = about.data + (about.skipped ? ` ${about.skipped} files were not used.` : '');
  const examples = byId('examples');
  if (examples.hidden && about.examples) show(examples, address('examples', 0, 1400)).catch(() => {});
}
// What the page of a new run cannot know yet comes with its first lines.
let told = '';
function tellAbout() {
  const now = `${line.state} ${line.step > 0} ${Object.keys(pictures).length > 0}`;
  if (now === told) return;
  told = now;
  showAbout().catch((error) => problem(error.message));
}

async function command(button, path, text) {
  button.disabled = true;
  try {
    const told = await post(`${base}/${path}`, {});
    problem('');
    byId('told').textContent = text;
    if (told.folder) await watch(told.folder);
  } catch (error) { problem(error.message); }
  button.disabled = false;
}

// Waits until a trainer that was started again works, or has failed.
async function watch(folder) {
  for (let i = 0; i < 120 && line.state !== 'running'; i++) {
    const told = await askJson(`/api/trainers/${folder}`);
    if (told.code) { problem(`The training ended with code ${told.code}: ${told.tail.split('\n').slice(-3).join(' ')}`); return; }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  byId('told').textContent = '';
}

byId('stop').addEventListener('click', () => command(byId('stop'), 'stop', 'it saves a checkpoint and ends'));
byId('resume').addEventListener('click', () => command(byId('resume'), 'resume', 'it starts again'));
byId('examples').addEventListener('load', () => { byId('examples').hidden = false; });
byId('lapse-name').addEventListener('change', () => { byId('lapse-step').value = byId('lapse-step').max; showPictures(); });
byId('lapse-step').addEventListener('input', showLapse);
byId('lapse-play').addEventListener('click', play);
keys({p: play});
