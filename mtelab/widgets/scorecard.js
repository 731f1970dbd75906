// The scorecard: a column a protocol, two rows a situation, and the way to a verdict that is chosen.

const SIGNS = { safe: "✓", refused: "⊘", leaks: "✗", loses: "✗", deadlocks: "✗", error: "✗", unknown: "?" };
const LOOKS = { safe: "good", refused: "warn", leaks: "bad", loses: "bad", deadlocks: "bad", error: "bad", unknown: "muted" };
const SAVED = { "come back": "✓ back", "are cleared": "✗ wiped", "stay away": "✗ away" };
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const MOST_BAR = 10;

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.body.classList.add("mte-card");
  const bar = node("progress", { class: "mte-card-progress", "aria-label": "Cells that are done" });
  const stop = node("button", { class: "mte-button", type: "button", onclick: () => view.send(model.get("running") ? "stop" : "start") });
  view.tools.prepend(bar, stop);
  const table = node("table", { class: "mte-card-table", role: "grid", "aria-label": "Verdicts" });
  const legend = node("p", { class: "mte-card-legend mte-muted" });
  legend.append("✓ safe · ✗ leaks: an earlier owner's tag is seen · ✗ loses: a stored tag is wiped · ✗ deadlocks · ",
    "⊘ refused: the kernel forbids it. Saved tags: ✓ come back, ✗ are wiped or stay away. ",
    `Time until all guests have their pages: 1× is the page lock's; a bar ends at ${MOST_BAR}×. `,
    node("kbd", {}, "←↑↓→"), " move, ", node("kbd", {}, "Enter"), " shows the shortest way.");
  const way = node("div", { "aria-live": "polite" });
  const counted = node("span", {});
  const halt = node("button", { class: "mte-button", type: "button", title: "Show the cell before again",
    onclick: () => view.send("stop_way") }, "Stop the search");
  const search = node("p", {}, counted, halt); // beside what is drawn anew, so that the button keeps the focus
  const detail = node("section", { class: "mte-card-detail", "aria-label": "The way to the verdict" }, way, search);
  view.body.append(table, legend, detail);
  let built = "", cells = [], at = [0, 0];

  // ---- the table is built once; later only its words change, so that the keyboard stays where it is

  function build(picture) {
    const columns = picture.columns;
    const head = node("tr", {}, node("th", { scope: "col", colspan: 2 }, "Situation"), ...columns.map((column) => node("th", {
      scope: "col", title: column.about, "data-mine": column.mine ? 1 : 0,
    }, ...broken(column.name), column.letter ? node("span", { class: "mte-card-letter" }, column.letter) : "")));
    cells = [];
    const rows = [];
    picture.situations.forEach(([situation, about]) => picture.memories.forEach(([memory, label], second) => {
      const row = cells.length;
      cells.push(columns.map((column, place) => node("button", {
        type: "button", tabindex: row || place ? -1 : 0, "data-row": row, "data-column": place,
        onclick: () => choose(row, place, { protocol: column.name, situation, memory }),
        onfocus: () => point(row, place),
      })));
      rows.push(node("tr", { "data-first": second ? 0 : 1 },
        second ? "" : node("th", { scope: "row", rowspan: 2, title: about }, ...broken(situation)),
        node("th", { scope: "row", class: "mte-card-memory" }, label),
        ...cells[row].map((button, place) => node("td", { "data-mine": columns[place].mine ? 1 : 0 }, button))));
    }));
    const below = [["saved", "Saved tags in swap-in", "What becomes of tags that were saved at swap-out"],
      ["forbids", "Situations forbidden", "In how many of the nine somebody is refused"],
      ...picture.loads.map((load, place) => [`time${place}`, `Time, ${load}`,
        `${picture.load}: until all have their pages, against the page lock; with the mmu_lock of the protocol's release`])];
    rows.push(...below.map(([key, label, title], number) => node("tr", { "data-first": number ? 0 : 1 },
      node("th", { scope: "row", colspan: 2, title }, label),
      ...columns.map((column) => node("td", { "data-key": key, "data-mine": column.mine ? 1 : 0 })))));
    const widths = node("colgroup", {}, node("col", { style: "width:98px" }), node("col", { style: "width:46px" }),
      ...columns.map((column) => node("col", { style: column.mine ? "width:68px" : "" })));
    table.replaceChildren(widths, node("thead", {}, head), node("tbody", {}, ...rows));
  }

  /** Let a name break after its hyphens and underscores. */
  function broken(name) {
    return name.split(/(?<=[-_])/).flatMap((part) => [part, node("wbr")]);
  }

  function point(row, column) {
    cells[at[0]][at[1]].tabIndex = -1;
    at = [row, column];
    cells[row][column].tabIndex = 0;
  }

  function choose(row, column, fields) {
    point(row, column);
    detail.setAttribute("aria-busy", "true");
    view.send("select", fields);
  }

  table.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move || event.target.tagName !== "BUTTON") return;
    const row = clamp(at[0] + move[0], 0, cells.length - 1), column = clamp(at[1] + move[1], 0, cells[0].length - 1);
    cells[row][column].focus();
    event.preventDefault();
  });

  // ---- words

  function words(picture) {
    const chosen = model.get("detail");
    let row = 0;
    for (const [situation] of picture.situations) {
      for (const [memory, label] of picture.memories) {
        picture.columns.forEach((column, place) => {
          const verdict = column.verdicts[`${situation} ${memory}`];
          const button = cells[row][place];
          const text = verdict ? `${SIGNS[verdict]} ${verdict}` : "…";
          if (button.textContent !== text) button.textContent = text;
          button.dataset.look = LOOKS[verdict] ?? "muted";
          button.setAttribute("aria-label", `${column.name}, ${situation}, ${label}: ${verdict ?? "not explored yet"}`);
          const mine = chosen.protocol === column.name && chosen.situation === situation && chosen.memory === memory;
          button.setAttribute("aria-pressed", mine ? "true" : "false");
        });
        row += 1;
      }
    }
    for (const [key, make] of Object.entries(makers(picture))) {
      table.querySelectorAll(`td[data-key="${key}"]`).forEach((cell, place) => cell.replaceChildren(...make(picture.columns[place])));
    }
  }

  function makers(picture) {
    const saved = (column) => [node("span", { "data-look": column.saved === "come back" ? "good" : column.saved ? "bad" : "muted" },
      SAVED[column.saved] ?? (column.problem ? "–" : "…"))];
    const forbids = (column) => [column.forbids === null ? "…" : node("span", {
      title: column.forbids.join(", "), "data-look": column.forbids.length ? "warn" : "good",
    }, column.forbids.length ? `⊘ ${column.forbids.length}` : "✓ none")];
    const time = (place) => (column) => {
      const ratio = column.times[place];
      if (ratio == null) return [column.problem ? "–" : "…"];
      const share = Math.round(100 * Math.min(1, ratio / MOST_BAR));
      return [node("span", { class: "mte-card-time" }, node("i", { style: `width:${share}%`, "aria-hidden": "true" }), `${ratio.toFixed(2)}×`)];
    };
    return { saved, forbids, ...Object.fromEntries(picture.loads.map((_load, place) => [`time${place}`, time(place)])) };
  }

  function drawDetail() {
    const found = model.get("detail");
    detail.removeAttribute("aria-busy");
    if (!found.protocol) {
      search.hidden = true;
      way.replaceChildren(node("p", { class: "mte-muted" }, "No cell is chosen."));
      return;
    }
    const label = { sc: "in order", arm: "Arm" }[found.memory];
    const steps = found.steps ?? [];
    const lanes = [...Array(found.cpus).keys()];
    const moves = node("table", { class: "mte-card-way" }, node("thead", {}, node("tr", {}, node("th", { scope: "col" }, "move"),
      ...lanes.map((cpu) => node("th", { scope: "col" }, `CPU ${cpu}`)))), node("tbody", {}, ...steps.map(([cpu, text], number) =>
      node("tr", {}, node("td", {}, number + 1), ...lanes.map((lane) => node("td", {}, lane === cpu ? node("code", {}, text) : ""))))));
    search.hidden = !found.searching;
    counted.textContent = found.searching ? `… ${found.searching} ` : "";
    way.replaceChildren(
      node("h4", {}, `${found.protocol} in ${found.situation}, ${label}: `, node("span", { "data-look": LOOKS[found.verdict] },
        `${SIGNS[found.verdict]} ${found.verdict}`)),
      node("p", {}, `${found.means.charAt(0).toUpperCase()}${found.means.slice(1)}. `, node("span", { class: "mte-muted" }, found.about)),
      ...(steps.length ? [node("div", { class: "mte-card-scroll", tabindex: 0, role: "group", "aria-label": "Moves" }, moves), node("p", { class: "mte-muted" }, "To play it: ", node("code", {}, found.call))] : []),
    );
  }

  function draw() {
    const picture = model.get("picture");
    const names = picture.columns.map((column) => column.name).join();
    if (names !== built) build(picture);
    built = names;
    words(picture);
    const [done, total] = model.get("progress");
    bar.max = total;
    bar.value = done;
    bar.hidden = stop.hidden = done >= total;
    stop.textContent = model.get("running") ? "Stop" : "Go on";
    drawDetail();
  }

  for (const name of ["picture", "detail", "progress", "running"]) view.on(`change:${name}`, () => view.repaint());
  return () => view.close();
}

export default { render };
