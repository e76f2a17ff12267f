// Before the page is drawn: the theme that was chosen last.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem('studio_theme'); } catch {}
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
