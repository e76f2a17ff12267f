// Starts a training: an ordinary command, made of a form.
import {askJson, byId, make, open, post, problem} from './studio.js';

let form = null, named = '';

function values() {
  const set = [...document.querySelectorAll('[data-path]')]
    .filter((input) => input.value.trim() !== input.dataset.value)
    .map((input) => `${input.dataset.path}=${input.value.trim()}`);
  set.push(...byId('set').value.split('\n').map((line) => line.trim().replace(/^--set[= ]/, '')).filter(Boolean));
  return {experiment: byId('experiment').value, tiny: byId('tiny').checked, data: byId('data').value, folder: byId('folder').value, set};
}

async function showForm() {
  const name = byId('experiment').value, tiny = byId('tiny').checked;
  byId('purpose').textContent = byId('experiment').selectedOptions[0].dataset.purpose;
  if (byId('folder').value === named) byId('folder').value = named = name + (tiny ? '_tiny' : '');
  try {
    form = await askJson(`/api/experiments/${name}?tiny=${tiny ? 1 : 0}`);
    problem('');
  } catch (error) { problem(error.message); return; }
  if (name !== byId('experiment').value) return;
  byId('about').textContent = form.about;
  byId('fields').replaceChildren(...form.fields.map(({path, text, about}) => make('label', {},
    make('span', {text: path}),
    make('input', {type: 'text', value: text, 'data-path': path, 'data-value': text, autocomplete: 'off', spellcheck: 'false'}),
    make('small', {text: about}))));
  showNeeds();
}

function showNeeds() {
  const needs = form && !form.builtin && !byId('data').value;
  byId('needs').hidden = !needs;
  byId('needs').textContent = needs ? 'The pictures of this experiment may have to be fetched, which the studio does not do: choose a folder below --data_root, or tiny.' : '';
}

async function forecast() {
  byId('forecast').disabled = true;
  byId('told').textContent = 'counting networks, memory and time';
  try {
    const told = await post('/api/forecast', values());
    if (byId('start').disabled) return; // it was started meanwhile
    problem(told.note);
    tell(told.command, told.text);
    byId('told').textContent = '';
  } catch (error) {
    if (byId('start').disabled) return;
    problem(error.message);
    byId('told').textContent = '';
  }
  byId('forecast').disabled = false;
}

function tell(command, text) {
  byId('command').hidden = !command;
  byId('command').textContent = command;
  byId('text').hidden = !text;
  byId('text').textContent = text;
}

async function start(event) {
  event.preventDefault();
  byId('start').disabled = true;
  byId('told').textContent = byId('forecast').disabled ? 'starting; the forecast is given up' : 'starting';
  byId('forecast').disabled = true;
  try {
    const {folder, command} = await post('/api/start', values());
    problem('');
    tell(command, byId('text').textContent);
    for (;;) {
      const told = await askJson(`/api/trainers/${folder}`);
      if (told.run) { open(`/run?id=${told.run}`); return; }
      if (told.code !== null) {
        problem(`The training ended with code ${told.code}; what it said is below.`);
        tell(command, told.tail);
        break;
      }
      byId('told').textContent = told.tail.split('\n').pop() || 'starting, loading';
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  } catch (error) { problem(error.message); }
  byId('told').textContent = '';
  byId('start').disabled = byId('forecast').disabled = false;
}

byId('form').addEventListener('submit', start);
byId('forecast').addEventListener('click', forecast);
byId('experiment').addEventListener('change', showForm);
byId('tiny').addEventListener('change', showForm);
byId('data').addEventListener('change', showNeeds);
Promise.all([askJson('/api/experiments'), askJson('/api/data')]).then(([experiments, data]) => {
  byId('experiment').replaceChildren(...experiments.map(({name, purpose}) => make('option', {value: name, text: name, 'data-purpose': purpose})));
  const wanted = experiments.find(({name}) => name === 'cyclegan_demo');
  if (wanted) byId('experiment').value = wanted.name;
  byId('data').replaceChildren(make('option', {value: '', text: "the experiment's own"}), ...data.map(({id, name}) => make('option', {value: id, text: name})));
  return showForm();
}).catch((error) => problem(error.message));
