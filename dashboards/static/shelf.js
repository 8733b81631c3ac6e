// A position that is tapped, drawn or in the list, is shown in the drawing, in the photo and in the
// list at once. Without this script the drawing's links lead to the list all the same.
let lit = "";

function light() {
  for (const each of document.querySelectorAll("[data-place]")) {
    each.classList.toggle("lit", lit !== "" && each.dataset.place === lit);
  }
}

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-place]");
  if (!place || event.target.closest("button, summary, select, input")) return;
  lit = place.dataset.place;
  light();
});

// What the server renders anew does not know what was tapped.
document.addEventListener("lineside:swapped", light);
