// Draws polygons, boxes and a line over a picture. The texts beside it are the truth: what is drawn
// is written into them, and what is typed into them is drawn. Without this script they still work.
const SVG = "http://www.w3.org/2000/svg";
const editor = document.querySelector("[data-draw]");
if (editor) start(editor);

function start(editor) {
  const kind = editor.dataset.draw; // polygon | box | line
  const stage = editor.querySelector("[data-stage]");
  const rows = editor.querySelector("[data-shapes]");
  const template = editor.querySelector("template");
  const status = document.getElementById("announce");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "drawing");
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", stage.dataset.label);
  stage.append(svg);
  let chosen = 0; // the row that a click on the picture adds a corner to
  let dragged = null;

  const list = () => [...rows.querySelectorAll("[data-row]")];
  const field = (row) => row.querySelector("[data-shape]");
  const read = (row) => field(row).value.trim().split(/\s+/).filter(Boolean).map((word) => word.split(",").map(Number)).filter((corner) => corner.length === 2 && corner.every(Number.isFinite));
  const round = (value) => Math.round(Math.min(100, Math.max(0, value)) * 100) / 100;
  const write = (row, corners) => {
    field(row).value = corners.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
    field(row).dispatchEvent(new Event("input", { bubbles: true }));
  };
  const most = kind === "polygon" ? 200 : 2;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return [round(((event.clientX - box.left) / box.width) * 100), round(((event.clientY - box.top) / box.height) * 100)];
  };

  // Corners are small, so that one sees what is under them; fingers are not.
  function nearest(corners, event) {
    const box = svg.getBoundingClientRect();
    const reach = event.pointerType === "touch" ? 24 : 12;
    const away = corners.map(([x, y]) => Math.hypot(box.left + (x / 100) * box.width - event.clientX, box.top + (y / 100) * box.height - event.clientY));
    const least = Math.min(...away);
    return least <= reach ? away.lastIndexOf(least) : -1;
  }

  function element(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  function draw() {
    const focused = document.activeElement?.closest?.(".corner")?.dataset.at;
    svg.replaceChildren();
    const box = svg.getBoundingClientRect();
    const wide = box.width || 1, tall = box.height || 1;
    list().forEach((row, number) => {
      row.classList.toggle("chosen", number === chosen);
      const corners = read(row);
      if (!corners.length) return;
      const group = element("g", { class: number === chosen ? "shape-of chosen" : "shape-of" }, svg);
      const [a, b] = corners;
      if (kind === "box" && b) {
        element("rect", { x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]) }, group);
      } else {
        element(kind === "polygon" ? "polygon" : "polyline", { points: corners.map((corner) => corner.join(",")).join(" ") }, group);
      }
      if (number !== chosen && kind !== "line") {
        group.addEventListener("pointerdown", (event) => { event.stopPropagation(); choose(number); });
        return;
      }
      corners.forEach(([x, y], index) => {
        const handle = element("ellipse", {
          class: "corner", cx: x, cy: y, rx: 700 / wide, ry: 700 / tall, tabindex: 0, role: "button",
          "aria-label": `${editor.dataset.corner} ${index + 1}: ${x}, ${y}`,
        }, group);
        handle.dataset.at = `${number} ${index}`;
        handle.addEventListener("pointerdown", (event) => {
          event.stopPropagation();
          event.preventDefault();
          handle.focus();
          dragged = { row, index };
          svg.setPointerCapture(event.pointerId);
        });
        handle.addEventListener("keydown", (event) => move(event, row, index));
      });
    });
    if (focused) svg.querySelector(`[data-at="${focused}"]`)?.focus();
  }

  function move(event, row, index) {
    const step = event.shiftKey ? 5 : 0.5;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const corners = read(row);
    if (by) corners[index] = [round(corners[index][0] + by[0]), round(corners[index][1] + by[1])];
    else if (event.key === "Delete" || event.key === "Backspace") corners.splice(index, 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
    write(row, corners);
    status.textContent = corners[index] ? `${corners[index][0]}, ${corners[index][1]}` : "";
  }

  function choose(number) {
    chosen = Math.max(0, Math.min(number, list().length - 1));
    draw();
  }

  svg.addEventListener("pointerdown", (event) => {
    const row = list()[chosen];
    if (!row || event.button) return;
    event.preventDefault();
    const corners = read(row);
    const near = nearest(corners, event);
    if (near >= 0) {
      svg.querySelector(`[data-at="${chosen} ${near}"]`)?.focus();
      dragged = { row, index: near };
    } else if (kind === "polygon") {
      if (corners.length < most) write(row, [...corners, place(event)]);
    } else {
      // After a tap at one end, which drew nothing long, the next tap is the other end.
      const [a, b] = corners;
      const from = b && a[0] === b[0] && a[1] === b[1] ? a : place(event);
      write(row, [from, place(event)]);
      dragged = { row, index: 1 };
    }
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const corners = read(dragged.row);
    corners[dragged.index] = place(event);
    write(dragged.row, corners);
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { dragged = null; });

  rows.addEventListener("input", draw);
  rows.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row]");
    if (row) { const number = list().indexOf(row); if (number !== chosen) choose(number); }
  });
  editor.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (event.target.closest("[data-add]")) {
      rows.append(template.content.cloneNode(true));
      list().forEach((each, number) => number_fields(each, number));
      choose(list().length - 1);
      list()[chosen].querySelector("input")?.focus();
    } else if (event.target.closest("[data-clear]") && row) {
      write(row, []);
    } else if (event.target.closest("[data-remove]") && row) {
      row.remove();
      list().forEach((each, number) => number_fields(each, number));
      choose(chosen);
      editor.querySelector("[data-add]")?.focus();
    }
  });
  function number_fields(row, number) {
    for (const input of row.querySelectorAll("[data-id]")) {
      input.id = `${input.dataset.id}-${number}`;
    }
    for (const button of row.querySelectorAll("[data-remove], [data-clear]")) button.hidden = false;
  }
  for (const button of editor.querySelectorAll("[data-add]")) button.hidden = false;
  list().forEach(number_fields);
  new ResizeObserver(draw).observe(stage);
  draw();
}
