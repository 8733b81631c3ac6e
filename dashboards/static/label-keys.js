// The editor by keys alone: tools by letters, classes by digits, and on the picture a cross that
// the arrows move.
const TOOLS = { v: "select", p: "polygon", b: "brush", e: "eraser", r: "box", s: "click" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function startLabelKeys(editor, canvas, { labels, tools, view, acts, say }) {
  canvas.addEventListener("focus", () => { tools.byKeys = canvas.matches(":focus-visible"); view.draw(); });
  canvas.addEventListener("blur", () => { tools.byKeys = false; view.draw(); });
  canvas.addEventListener("pointerdown", () => { tools.byKeys = false; });
  addEventListener("keyup", (event) => { if (event.key === " ") tools.held = false; });
  // Before the page's own keys, of which some are the same.
  addEventListener("keydown", (event) => {
    const within = editor.contains(event.target) || event.target === document.body;
    if (!within || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if (!act(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  function act(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      const done = { z: event.shiftKey ? acts.redo : acts.undo, y: acts.redo, s: acts.save }[key];
      done?.();
      return Boolean(done);
    }
    if (/^[1-9]$/.test(key)) { acts.useClass(Number(key) - 1); return true; }
    if (TOOLS[key] && !event.shiftKey) { acts.tool(TOOLS[key]); return true; }
    const done = {
      Delete: acts.remove, Backspace: acts.remove, h: acts.hide, Escape: acts.cancel, "+": acts.zoomIn,
      "=": acts.zoomIn, "-": acts.zoomOut, 0: acts.fit, "]": acts.thicker, "[": acts.thinner, m: acts.model,
    }[key];
    if (done) { done(); return true; }
    return event.target === canvas && onPicture(event, key);
  }

  function onPicture(event, key) {
    tools.byKeys = true;
    if (key === "Enter") { acts.take(); return true; }
    const by = ARROWS[key];
    if (tools.name === "select") return onChosen(event, key, by);
    if (by) {
      const step = event.shiftKey ? 10 : 1;
      tools.nudge(by[0] * step, by[1] * step);
      return true;
    }
    if (key !== " ") return false;
    // With the click tool Space is a whole click, and Shift says that it is beside the thing.
    if (tools.name === "click") { tools.press(tools.cursor, { beside: event.shiftKey }); tools.release(); } else if (tools.drag) tools.release(); else tools.press(tools.cursor);
    return true;
  }

  function onChosen(event, key, by) {
    const label = labels.current;
    if (key === " ") { tools.held = true; return true; }
    if (key === "n") return step(event.shiftKey ? -1 : 1);
    if (!label) {
      if (by) view.pan(-by[0] * 40, -by[1] * 40);
      return Boolean(by);
    }
    if (key === "i" && labels.vertex) { labels.change(label.key, labels.withMore(label, labels.vertex)); return true; }
    if (!by) return false;
    const far = event.shiftKey ? 10 : 1;
    if (labels.vertex) {
      const [ring, place] = labels.vertex;
      const points = label.segmentation[ring];
      labels.change(label.key, labels.withCorner(label, labels.vertex, [points[place] + by[0] * far, points[place + 1] + by[1] * far]));
    } else labels.change(label.key, labels.moved(label, by[0] * far, by[1] * far));
    return true;
  }

  // From corner to corner of the chosen polygon; with none chosen, from label to label.
  function step(by) {
    const label = labels.current;
    const corners = labels.corners(label);
    if (!label || !corners.length) {
      const at = labels.list.indexOf(label);
      const next = labels.list.at((at + by + labels.list.length) % (labels.list.length || 1));
      if (next) labels.choose(next.key);
      return true;
    }
    const at = labels.vertex ? corners.findIndex(([ring, place]) => ring === labels.vertex[0] && place === labels.vertex[1]) : by > 0 ? -1 : 0;
    const [ring, place] = corners.at((at + by + corners.length) % corners.length);
    labels.choose(label.key, [ring, place]);
    say("corner", { number: place / 2 + 1, x: label.segmentation[ring][place], y: label.segmentation[ring][place + 1] });
    return true;
  }
}
