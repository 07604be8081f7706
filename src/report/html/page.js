"use strict";
(() => {
  const table = document.getElementById("rows");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row, place) => ({
    row,
    place,
    outcome: row.dataset.outcome,
    cells: Array.from(row.cells, (cell) => cell.textContent),
    text: row.textContent.toLowerCase(),
  }));
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const heads = Array.from(table.tHead.rows[0].cells);
  const filter = document.getElementById("filter");
  const outcome = document.getElementById("outcome");
  const shown = document.getElementById("shown");

  function sort(column) {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    const sign = down ? -1 : 1;
    const compare = head.dataset.compare === "number"
      ? (a, b) => Number(a.cells[column]) - Number(b.cells[column])
      : (a, b) => collator.compare(a.cells[column], b.cells[column]);
    rows.sort((a, b) => sign * compare(a, b) || a.place - b.place);
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map((entry) => entry.row));
  }

  function narrow() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of rows) {
      const fits = (!outcome.value || entry.outcome === outcome.value) && words.every((word) => entry.text.includes(word));
      entry.row.hidden = !fits;
      count += fits ? 1 : 0;
    }
    shown.textContent = count.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " shown";
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
  });
  filter.addEventListener("input", narrow);
  outcome.addEventListener("change", narrow);
  document.getElementById("controls").hidden = false;
  narrow();
})();
