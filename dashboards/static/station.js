// Deciding about the image that is shown: one key or one tap each. A form is sent as any other with
// data-act; this adds the keys, and sees to it that a decision is about what the person looked at.
import { showAt, toast } from "./lineside.js";
import { words } from "./live.js";
import "./sound.js";

const LOOK_MS = 700; // nobody decides faster about a picture that came by itself
let shown = document.querySelector("[data-inspection]")?.dataset.inspection;
let changedAt = -LOOK_MS;

// The next picture is on its way, or has come this moment: what is pressed now was meant for the
// one before.
function isSettled(part) {
  if (!part) return true;
  const wanted = new URL(part.dataset.part, location.href).searchParams.get("inspection");
  if (wanted && wanted !== shown) return false;
  return performance.now() - changedAt >= LOOK_MS;
}

function press(key) {
  const target = document.querySelector(`[data-decision="${key}"]`);
  if (!target || target.disabled || target.getAttribute("aria-busy") === "true") return false;
  if (target.matches("summary")) {
    const details = target.closest("details");
    details.open = !details.open;
    if (details.open) details.querySelector("input:not([type=hidden]), button")?.focus(); else target.focus();
  } else {
    target.form.requestSubmit(target);
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    const details = document.querySelector("details.more-of[open]");
    if (details) { details.open = false; details.querySelector("summary").focus(); }
    return;
  }
  if (event.target.closest("input:not([type=checkbox]):not([type=range]), select, textarea")) return;
  const key = event.key.toUpperCase();
  if (/^[CFURSDNZ]$/.test(key) && press(key)) event.preventDefault();
});

// Before the form is read: who decides about an image goes on seeing it, whatever comes next.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-decide]")) return;
  const part = form.closest("[data-walks]");
  if (!isSettled(part)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    toast(words.look);
    return;
  }
  if (part && part.dataset.pinned === undefined) {
    const url = new URL(part.dataset.here, location.href);
    url.searchParams.set("inspection", form.closest("[data-inspection]").dataset.inspection);
    showAt(part, url);
  }
}, true);

document.addEventListener("lineside:acted", (event) => {
  const form = event.target;
  if (!form.matches("form[data-decide]") || !event.detail.ok) return;
  const details = form.closest("details");
  if (details) {
    details.open = false;
    document.activeElement?.blur(); // so that the next key decides, and is not typed
  }
});

// One of the two bubbles at a time, and none beside a tap elsewhere.
document.addEventListener("click", (event) => {
  for (const details of document.querySelectorAll("details.more-of[open]")) {
    if (!details.contains(event.target)) details.open = false;
  }
});

// The image that is shown is kept in sight in the strip, which scrolls by itself and moves nothing
// else of the page.
function follow() {
  const mark = document.querySelector(".strip ol a[aria-current]");
  const list = mark?.closest("ol");
  if (!list) return;
  const box = mark.getBoundingClientRect();
  const frame = list.getBoundingClientRect();
  if (box.left < frame.left) list.scrollLeft += box.left - frame.left - 12;
  else if (box.right > frame.right) list.scrollLeft += box.right - frame.right + 12;
}

document.addEventListener("lineside:swapped", (event) => {
  const now = document.querySelector("[data-inspection]")?.dataset.inspection;
  if (now === shown) return;
  shown = now;
  if (event.target.dataset?.pinned === undefined) changedAt = performance.now();
  follow();
});
follow();
