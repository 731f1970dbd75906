// The progress board: a line a lab, a mark an exercise.

const SIGNS = { "not tried": "○", failing: "✗", passed: "✓" };
const TONES = { "not tried": "muted", failing: "bad", passed: "good" };

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw, reset: false });
  view.button("Look again", "Read your progress anew", () => view.send("refresh"));
  const table = node("table", { class: "mte-board" });
  view.body.append(table);

  function mark(row) {
    const points = `${row.points} ${row.points === 1 ? "point" : "points"}`;
    return node("li", { class: `mte-mark mte-${TONES[row.state]}`, title: `${row.title}: ${row.state}, ${points}` },
      node("span", { class: "mte-sign", "aria-hidden": "true" }, SIGNS[row.state]), `${row.title} `,
      node("span", { class: "mte-state" }, row.state));
  }

  function draw() {
    const labs = new Map();
    for (const row of model.get("rows")) labs.set(row.lab, [...(labs.get(row.lab) ?? []), row]);
    table.replaceChildren(...[...labs].map(([lab, rows]) =>
      node("tr", {}, node("th", { scope: "row" }, lab), node("td", {}, node("ul", {}, ...rows.map(mark))))));
  }

  view.on("change:rows", () => view.repaint());
  return () => view.close();
}

export default { render };
