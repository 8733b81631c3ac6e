// What the lab's pages do in the browser: parts that are read again until an answer is there, and
// a warning before typed work is left behind.
const POLL_MS = 1000;

async function poll(part) {
  const address = part.dataset.poll;
  if (!address || !part.isConnected) return undefined;
  await new Promise((done) => setTimeout(done, Number(part.dataset.pollMs) || POLL_MS));
  if (document.hidden) return poll(part);
  try {
    const answer = await fetch(address);
    // Signed out, or gone: asking again would change nothing.
    if ([401, 403, 404].includes(answer.status)) return undefined;
    if (answer.ok) {
      const made = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-poll]");
      if (made) {
        // A new form has no token of its own yet where the page has one: it is the same.
        part.replaceWith(document.adoptNode(made));
        return poll(made);
      }
    }
  } catch { /* the bar at the top says that the server is away */ }
  return poll(part);
}
for (const part of document.querySelectorAll("[data-poll]")) poll(part);

const kept = document.querySelector("form[data-keep]");
if (kept) {
  let changed = false;
  kept.addEventListener("input", () => { changed = true; });
  kept.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

// Only the fields that a kind of camera has.
const kind = document.querySelector("select[data-kinds]");
if (kind) {
  const show = () => {
    for (const each of document.querySelectorAll("[data-of-kind]")) each.hidden = !each.dataset.ofKind.split(" ").includes(kind.value);
  };
  kind.addEventListener("change", show);
  show();
}

document.querySelector(".wrong.panel")?.focus();
