// One key for each thing that can be done with a flip: A, R, left and right.
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) return;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const target = document.querySelector(`[data-flip="${CSS.escape(key)}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
});
