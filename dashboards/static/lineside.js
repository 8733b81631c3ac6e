// What a page does in the browser. Everything also works without: forms post, links lead on.
import { startLive, refreshAll, refreshPart, words } from "./live.js";
import { startViewer } from "./viewer.js";

const root = document.documentElement;

function startTheme() {
  const button = document.querySelector("[data-theme-toggle]");
  const isDark = () => {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const toggle = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  };
  button.hidden = false;
  button.addEventListener("click", toggle);
  return toggle;
}

let toastTimer = 0;
export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 5000);
}

// A form with data-act is sent without leaving the page, and the page says what came of it.
async function act(form, button) {
  const body = new URLSearchParams(new FormData(form));
  if (button.name) body.append(button.name, button.value);
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(button.hasAttribute("formaction") ? button.formAction : form.action, {
      method: "POST", body, headers: { "X-Lineside": "script" },
    });
    toast(await answer.text());
    if (answer.ok) form.reset();
    form.dispatchEvent(new CustomEvent("lineside:acted", { bubbles: true, detail: { ok: answer.ok } }));
  } catch {
    toast(words.notDone);
  } finally {
    button.removeAttribute("aria-busy");
    refreshAll();
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-act]")) return;
  event.preventDefault();
  act(event.target, event.submitter ?? event.target.querySelector("button"));
});

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard?.writeText(copy.dataset.copy).then(() => toast(words.copied), () => {});
    return;
  }
  const walk = event.target.closest("[data-walk]");
  if (walk && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    walkTo(walk);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-filters] select")) event.target.form.requestSubmit();
});

// A step along a station's inspections re-reads one part of the page and keeps the rest.
export function walkTo(link) {
  const part = link.closest("[data-walks]");
  const url = new URL(link.href);
  showAt(part, url);
  refreshPart(part, { now: true });
}

// From here on a part shows what another address of its page shows.
export function showAt(part, url) {
  history.replaceState(null, "", url);
  part.dataset.part = `${url.pathname}/parts/now${url.search}`;
}

const toggleTheme = startTheme();
const keys = document.getElementById("keys");
const openKeys = document.querySelector("[data-keys-open]");
openKeys.hidden = false;
openKeys.addEventListener("click", () => { closeMenu(); keys.showModal(); });

// The menu under one's name closes as menus do: by a tap elsewhere, and by Escape.
const menu = document.querySelector("details.who");
function closeMenu() { if (menu) menu.open = false; }
document.addEventListener("click", (event) => { if (!menu?.contains(event.target)) closeMenu(); });
menu?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.open) return;
  closeMenu();
  menu.querySelector("summary").focus();
});

function follow(selector) {
  const link = document.querySelector(selector);
  if (!link) return false;
  if (link.dataset.walk) walkTo(link); else link.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || keys.open) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const digit = /^[1-9]$/.test(event.key) ? document.querySelectorAll("[data-open]")[event.key - 1] : null;
  const done = {
    "?": () => { keys.showModal(); return true; },
    t: () => { toggleTheme(); return true; },
    ArrowLeft: () => follow("[data-walk=older], [data-go=older]"),
    ArrowRight: () => follow("[data-walk=newer], [data-go=newer]"),
    l: () => follow("[data-walk=live]"),
    m: () => { const box = document.querySelector("[data-masks]"); box?.click(); return Boolean(box); },
    "/": () => { const field = document.querySelector("[data-first]"); field?.focus(); return Boolean(field); },
    Enter: () => event.target === document.body && follow("[data-open-inspection]"),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (digit) { digit.click(); event.preventDefault(); } else if (done?.()) event.preventDefault();
});

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;

startViewer();
startLive();
