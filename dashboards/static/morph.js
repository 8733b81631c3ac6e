// Turns an element into a newer version of itself with the fewest changes, so that focus, scroll,
// an open menu and a half-typed note stay where they are. Children are told apart by id or data-key.

const keyOf = (node) => (node.nodeType === 1 ? node.id || node.dataset?.key || node.getAttribute("data-key") || "" : "");

// What the reader changed is his: it is not taken back by the next version.
const kept = (element, name) => name === "open" && element.nodeName === "DETAILS";

export function morph(have, want) {
  if (have.isEqualNode(want)) return;
  if (have.nodeType !== 1) { have.nodeValue = want.nodeValue; return; }
  for (const { name, value } of want.attributes) {
    if (!kept(have, name) && have.getAttribute(name) !== value) have.setAttribute(name, value);
  }
  for (const { name } of [...have.attributes]) {
    if (!want.hasAttribute(name) && !kept(have, name)) have.removeAttribute(name);
  }
  morphChildren(have, want);
}

function morphChildren(have, want) {
  const keyed = new Map();
  for (const child of have.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = have.firstChild;
  for (const wanted of [...want.childNodes]) {
    const key = keyOf(wanted);
    const match = key ? keyed.get(key) : at;
    if (match && match.nodeName === wanted.nodeName && keyOf(match) === key) {
      if (match === at) at = at.nextSibling; else have.insertBefore(match, at);
      morph(match, wanted);
    } else {
      have.insertBefore(wanted, at);
    }
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}
