// The review queue by keyboard. Each key presses a button that stands beside the picture, too.
const items = [...document.querySelectorAll("[data-item]")];
const KEPT = "review-queue-place";
let chosen = -1;

function choose(number, { scroll = true } = {}) {
  if (!items.length) return;
  chosen = Math.min(Math.max(number, 0), items.length - 1);
  for (const [index, item] of items.entries()) item.classList.toggle("chosen", index === chosen);
  const link = items[chosen].querySelector("[data-inspection]");
  link?.focus({ preventScroll: true });
  if (scroll) items[chosen].scrollIntoView({ block: "nearest" });
}

function press(key) {
  const button = items[Math.max(chosen, 0)]?.querySelector(`[data-key="${key}"]`);
  if (!button) return false;
  // What was missed has to be chosen first.
  const missed = button.form.querySelector("[data-missed]");
  if (missed && !missed.value) {
    missed.focus();
    missed.showPicker?.call(missed);
    return true;
  }
  sessionStorage.setItem(KEPT, String(Math.max(chosen, 0)));
  button.click();
  return true;
}

const DONE = {
  j: () => { choose(chosen + 1); return true; },
  k: () => { choose(chosen - 1); return true; },
  u: () => { const undo = document.querySelector("[data-undo]"); undo?.click(); return Boolean(undo); },
};

// Before the page's own keys, of which `L` means another thing elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const key = event.key.toLowerCase();
  const did = DONE[key]?.() ?? (["g", "b", "s", "l"].includes(key) && press(key));
  if (!did) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

for (const [index, item] of items.entries()) {
  item.addEventListener("focusin", () => {
    chosen = index;
    for (const each of items) each.classList.toggle("chosen", each === item);
  });
}

// After a word the list comes back without its item: go on where it stood.
const place = sessionStorage.getItem(KEPT);
sessionStorage.removeItem(KEPT);
if (place !== null) choose(Number(place));
