// What all pages share: asking the studio, live events, pictures, the theme.

let token = null; // in a frame only; a cookie serves otherwise
let kept = false; // sessionStorage keeps it for the next page

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  try {
    if (given) sessionStorage.setItem('studio_token', given);
    token = given || sessionStorage.getItem('studio_token');
    kept = true;
  } catch {
    token = given;
  }
  if (given) history.replaceState(null, '', location.pathname + location.search);
}
takeToken();

// Opens another page of the studio; a frame without storage hands on the token.
export function open(address) {
  location.href = token && !kept ? `${address}#token=${token}` : address;
}
addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="/"]');
  if (!link || !token || kept || event.defaultPrevented) return;
  event.preventDefault();
  open(link.getAttribute('href'));
});

const headers = () => (token ? {Authorization: 'Bearer ' + token} : {});

export async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, {
      ...options, headers: {...headers(), ...(options.headers || {})},
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The studio does not answer: start it again, or open its tunnel again.');
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    const error = new Error(told.error || `The studio answered ${answer.status}.`);
    error.status = answer.status;
    throw error;
  }
  return answer;
}

export const askJson = async (address, options) => (await ask(address, options)).json();

export const post = (address, value) => askJson(address, {
  method: 'POST', headers: {'Content-Type': 'application/json'},
  body: JSON.stringify(value),
});

// Shows a picture; in a frame there is no cookie, so it is fetched here.
export async function show(image, address) {
  if (!token) { image.src = address; return; }
  const blob = await (await ask(address)).blob();
  if (image.dataset.blob) URL.revokeObjectURL(image.dataset.blob);
  image.dataset.blob = image.src = URL.createObjectURL(blob);
}

// Calls handlers by the name of each event; connects again after a loss.
export async function follow(address, handlers) {
  let wait = 1000;
  for (;;) {
    try {
      const answer = await ask(address);
      live('live');
      wait = 1000;
      await readEvents(answer.body, handlers);
    } catch (error) {
      if (error.status) { problem(error.message); if (error.status !== 503) return; }
    }
    live('not live: connecting again');
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, 15000);
  }
}

async function readEvents(body, handlers) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (name && handlers[name]) handlers[name](JSON.parse(data));
    }
  }
}

export function live(text) {
  document.getElementById('live').textContent = '· ' + text;
}

export function problem(text) {
  const place = document.getElementById('problem');
  place.textContent = text || '';
  place.hidden = !text;
}

// make('p', {class: 'soft', text: 'a'}, child, ...): an element; text is text.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') element.textContent = value;
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const byId = (id) => document.getElementById(id);
export const query = new URLSearchParams(location.search);

export function number(value) {
  if (value === null || value === undefined) return '-';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Number(value.toPrecision(4)).toString();
}

export function save(blob, name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const typing = (target) => /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);

// Keys that work where nothing is typed.
export function keys(handlers) {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) && event.key !== 'Escape') return;
    if (handlers[event.key]) { event.preventDefault(); handlers[event.key](event); }
  });
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

function turnTheme() {
  const theme = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem('studio_theme', theme); } catch {}
  dispatchEvent(new Event('theme'));
}
document.getElementById('theme').addEventListener('click', turnTheme);
keys({t: turnTheme});
