// Pictures that were kept: their seeds and all that makes them again.
const KEY = 'studio_favorites';
const MOST = 200;

export function all() {
  try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; }
}

export const same = (a, b) => JSON.stringify([a.id, a.made]) === JSON.stringify([b.id, b.made]);

function store(list) {
  localStorage.setItem(KEY, JSON.stringify(list.slice(-MOST)));
}

// one: {id, name, made: {seed, checkpoint, ...}, png (base64)}
export function turn(one) {
  const list = all();
  const rest = list.filter((other) => !same(one, other));
  store(rest.length < list.length ? rest : [...list, one]);
}

export const fileName = (one) => `${one.name.replaceAll(/[^\w.-]+/g, '_')}_seed${one.made.seed}${one.made.label ? '_' + one.made.label.replaceAll(/[^\w.-]+/g, '_') : ''}.png`;

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
