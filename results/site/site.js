"use strict";
document.querySelectorAll("th button").forEach((button, column) => {
  let down = true;
  button.addEventListener("click", () => {
    const body = document.querySelector("tbody");
    const value = (row) => {
      const cell = row.cells[column];
      const number = parseFloat(cell.dataset.value);
      return cell.dataset.value === undefined ? cell.textContent : Number.isNaN(number) ? Infinity : number;
    };
    const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
    const rows = [...body.rows].sort((a, b) => (down ? 1 : -1) * order(value(a), value(b)));
    down = !down;
    body.append(...rows);
  });
});
