/** The worklist by keyboard: / searches, j and k choose a study, Enter opens it, n and p turn pages. */

const rows = [...document.querySelectorAll("tr[data-href]")];
let chosen = -1;

function choose(number) {
  if (!rows.length) return;
  chosen = Math.min(Math.max(number, 0), rows.length - 1);
  rows.forEach((row, index) => row.classList.toggle("chosen", index === chosen));
  const link = rows[chosen].querySelector("a");
  link.focus({ preventScroll: true });
  rows[chosen].scrollIntoView({ block: "nearest" });
}

function follow(relation) {
  const link = document.querySelector(`a[rel="${relation}"]`);
  if (link) location.assign(link.href);
}

const actions = {
  "/": () => document.getElementById("patient").select(),
  j: () => choose(chosen + 1),
  k: () => choose(chosen - 1),
  n: () => follow("next"),
  p: () => follow("prev"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const [index, row] of rows.entries()) {
  row.addEventListener("click", (event) => {
    if (event.target.closest("a") || String(getSelection())) return;
    location.assign(row.dataset.href);
  });
  row.querySelector("a").addEventListener("focus", () => {
    chosen = index;
    rows.forEach((each) => each.classList.toggle("chosen", each === row));
  });
}
