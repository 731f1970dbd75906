// The migration view: pages on the left, below them the tags of one page on both hosts; rounds on the right.

const DIRTY = 1, STALE_DATA = 2, STALE_TAGS = 4;
const COLUMNS = 8, WIDE = 46, TALL = 34, GAP = 3;
const TAGS = 256, SIDE = 16, CELL = 13;
const MAPS = [0, SIDE * CELL + 20];
const MAP_TOP = 22, ROW = 25, ROUNDS_WIDTH = 346, BAR_LEFT = 66, BAR = 112;
const MOST_ROWS = 13;

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  const steps = [["Next round", "Send what is dirty while the guest runs", "round"],
    ["Stop guest", "Stop the guest, send the rest, compare", "stop"],
    ["Run to the end", "Rounds until little is dirty, then stop", "run"],
  ].map(([text, title, event]) => view.button(text, title, () => { if (!model.get("state").done) view.send(event); }));
  const rate = node("input", {
    type: "range", min: 0, max: 4, step: 0.25, "aria-label": "Writes of the guest per page sent",
    oninput: () => view.send("set", { rate: moved = Number(rate.value) }),
  });
  const shown = node("output", { class: "mte-mono" });
  const policy = node("select", {
    class: "mte-button", "aria-label": "Tags are sent",
    onchange: () => view.send("set", { tags: policy.value }),
  }, ...model.get("policies").map((name) => node("option", {}, name)));
  view.body.before(node("div", { class: "mte-migration-set" },
    node("label", {}, "Tags are sent ", policy),
    node("label", {}, "Guest writes ", rate, shown, " times a page sent")));

  const left = node("div"), right = node("div");
  view.body.classList.add("mte-migration");
  view.body.append(left, right);
  const grid = view.canvas(""), maps = view.canvas(""), rounds = view.canvas("");
  grid.setAttribute("role", "application");
  maps.removeAttribute("tabindex");
  rounds.removeAttribute("tabindex");
  const words = node("p", { class: "mte-mono" });
  const verdict = node("p", { class: "mte-migration-verdict", role: "status" });
  left.append(node("h4", {}, "Pages: what the destination has"), grid,
    node("p", { class: "mte-muted" }, "D data, T tags: ✓ as on the source, ~ stale, ✗ lost. ◥ in the log."),
    words, maps, node("p", { class: "mte-muted" }, "A digit for each granule of 16 bytes; framed: it differs."));
  right.append(node("h4", {}, "On the wire"), rounds, verdict);
  let moved = null, over = -1;

  const count = () => bytes(model, "pages").length;
  const place = (page) => [(page % COLUMNS) * (WIDE + GAP), Math.floor(page / COLUMNS) * (TALL + GAP)];
  const tagsOf = (name, page) => bytes(model, name).subarray(page * TAGS, (page + 1) * TAGS);

  function differ(page) {
    const here = tagsOf("source", page), there = tagsOf("destination", page);
    return here.reduce((sum, tag, at) => sum + (tag !== there[at]), 0);
  }

  function say(page) {
    const state = bytes(model, "pages")[page], wrong = differ(page), bad = model.get("state").done ? "lost" : "stale";
    return `page ${page}: data ${state & STALE_DATA ? bad : "same"}, `
      + `${wrong ? `${wrong} tags ${bad}` : "tags same"}${state & DIRTY ? ", dirty" : ""}`;
  }

  /** The sign and colour of a part of a page: the same, stale, or lost for good. */
  function look(theme, stale) {
    if (!stale) return ["✓", theme.good];
    return model.get("state").done ? ["✗", theme.bad] : ["~", theme.warn];
  }

  function drawGrid(theme) {
    const pages = bytes(model, "pages"), rows = Math.ceil(pages.length / COLUMNS);
    const g = view.context(grid, COLUMNS * (WIDE + GAP), rows * (TALL + GAP));
    g.textBaseline = "middle";
    pages.forEach((state, page) => {
      const [x, y] = place(page);
      g.fillStyle = theme.surface;
      g.fillRect(x, y, WIDE, TALL);
      g.strokeStyle = theme.line;
      g.lineWidth = 1;
      g.strokeRect(x + 0.5, y + 0.5, WIDE - 1, TALL - 1);
      g.font = `10px ${theme.mono}`;
      g.fillStyle = theme.muted;
      g.textAlign = "left";
      g.fillText(String(page), x + 4, y + 9);
      g.font = `600 11px ${theme.mono}`;
      for (const [name, stale, from] of [["D", state & STALE_DATA, 4], ["T", state & STALE_TAGS, 25]]) {
        const [sign, colour] = look(theme, stale);
        g.fillStyle = colour;
        g.fillText(name + sign, x + from, y + 24);
      }
      if (state & DIRTY) {
        g.fillStyle = theme.ink;
        g.beginPath();
        g.moveTo(x + WIDE - 10, y);
        g.lineTo(x + WIDE, y);
        g.lineTo(x + WIDE, y + 10);
        g.fill();
      }
      if (page === model.get("page") || page === over) {
        g.strokeStyle = page === model.get("page") ? theme.accent : theme.ink;
        g.lineWidth = 2;
        g.strokeRect(x + 1, y + 1, WIDE - 2, TALL - 2);
      }
    });
  }

  function drawMaps(theme) {
    const page = model.get("page");
    const g = view.context(maps, MAPS[1] + SIDE * CELL, MAP_TOP + SIDE * CELL);
    const here = tagsOf("source", page), there = tagsOf("destination", page);
    [["source", here], ["destination", there]].forEach(([name, tags], side) => {
      g.font = `600 12px ${theme.sans}`;
      g.fillStyle = theme.muted;
      g.textAlign = "left";
      g.textBaseline = "middle";
      g.fillText(side ? `page ${page}, ${name}: ${differ(page)} differ` : `page ${page}, ${name}`, MAPS[side], 9);
      g.font = `600 10px ${theme.mono}`;
      g.textAlign = "center";
      tags.forEach((tag, at) => {
        const x = MAPS[side] + (at % SIDE) * CELL, y = MAP_TOP + Math.floor(at / SIDE) * CELL;
        g.fillStyle = theme.tags[tag];
        g.fillRect(x, y, CELL - 1, CELL - 1);
        g.fillStyle = theme.digits[tag];
        g.fillText(hex(tag), x + CELL / 2 - 0.5, y + CELL / 2);
        if (side && tag !== here[at]) {
          // Light on dark tiles, dark on light ones: red alone would drown in some of them.
          g.strokeStyle = theme.digits[tag];
          g.lineWidth = 2;
          g.strokeRect(x, y, CELL - 1, CELL - 1);
        }
      });
    });
  }

  function drawRounds(theme) {
    const all = model.get("rounds"), done = all.slice(-MOST_ROWS), first = all.length - done.length;
    const most = Math.max(...done.map((one) => one.data_bytes + one.tag_bytes), 1);
    const g = view.context(rounds, ROUNDS_WIDTH, ROW * (MOST_ROWS + 1) + 2);
    g.textBaseline = "middle";
    g.textAlign = "left";
    g.font = `11px ${theme.sans}`;
    swatch(g, theme, "data", theme.series[0], BAR_LEFT, false);
    swatch(g, theme, "tags", theme.series[3], BAR_LEFT + 56, true);
    done.forEach((one, at) => {
      const y = ROW * (at + 1), data = (one.data_bytes / most) * BAR, tags = (one.tag_bytes / most) * BAR;
      g.fillStyle = one.paused ? theme.warn : theme.ink;
      g.font = `11px ${theme.sans}`;
      g.fillText(one.paused ? "❚❚ paused" : `round ${first + at}`, 0, y + 10);
      g.fillStyle = theme.series[0];
      g.fillRect(BAR_LEFT, y, data, 18);
      stripes(g, theme.series[3], BAR_LEFT + data, y, tags, 18);
      g.fillStyle = theme.ink;
      g.font = `11px ${theme.mono}`;
      g.fillText(`${one.pages} pages, ${kib(one.data_bytes)} + ${kib(one.tag_bytes)} KiB`, BAR_LEFT + data + tags + 6, y + 10);
    });
  }

  function swatch(g, theme, name, colour, x, striped) {
    if (striped) stripes(g, colour, x, 5, 12, 12);
    else {
      g.fillStyle = colour;
      g.fillRect(x, 5, 12, 12);
    }
    g.fillStyle = theme.muted;
    g.fillText(name, x + 17, 11);
  }

  /** Tags are striped, so that they can be told from data without colour. */
  function stripes(g, colour, x, y, width, height) {
    g.fillStyle = colour;
    for (let row = 0; row < height; row += 3) g.fillRect(x, y + row, width, 2);
  }

  const kib = (size) => (size / 1024).toFixed(size % 1024 ? 2 : 0);

  function draw(theme) {
    const state = model.get("state");
    shown.textContent = state.rate.toFixed(2);
    rate.setAttribute("aria-valuetext", `${shown.textContent} times a page sent`);
    // While answers to earlier moves come in, the slider stays where the hand has it.
    if (moved === null || moved === state.rate) {
      moved = null;
      rate.value = state.rate;
    }
    policy.value = state.tags;
    // Not disabled: the button that was pressed last keeps the keyboard's focus.
    for (const button of steps) button.setAttribute("aria-disabled", state.done);
    drawGrid(theme);
    drawMaps(theme);
    drawRounds(theme);
    words.textContent = say(over >= 0 ? over : model.get("page"));
    const bad = state.done && state.stale_tags;
    verdict.dataset.look = !state.done ? "none" : bad ? "bad" : "good";
    verdict.textContent = `data ${kib(state.data_bytes)} KiB, tags ${kib(state.tag_bytes)} KiB, `
      + `while paused ${kib(state.paused_bytes)} KiB. `
      + (!state.done ? `${state.dirty} pages to send.` : bad ? `✗ ${state.stale_tags} tags lost.` : "✓ No tag lost.");
    grid.setAttribute("aria-label", `${model.get("title")}. ${say(model.get("page"))}. ${verdict.textContent}`);
    maps.setAttribute("aria-label", `Tags of page ${model.get("page")} on both hosts`);
    rounds.setAttribute("aria-label", model.get("rounds").map((one, at) =>
      `${one.paused ? "paused" : `round ${at}`}: ${one.pages} pages, ${one.tag_bytes} bytes of tags`).join("; "));
  }

  function at(event) {
    const column = Math.floor(event.offsetX / (WIDE + GAP)), row = Math.floor(event.offsetY / (TALL + GAP));
    const page = row * COLUMNS + column;
    return column >= 0 && column < COLUMNS && page >= 0 && page < count() ? page : -1;
  }

  function choose(page) {
    model.set("page", page);
    model.save_changes();
  }

  grid.addEventListener("pointerdown", (event) => { if (at(event) >= 0) choose(at(event)); });
  grid.addEventListener("pointermove", (event) => {
    over = at(event);
    view.hover(over >= 0 ? say(over) : "", event);
    view.repaint();
  });
  grid.addEventListener("pointerleave", () => { over = -1; view.hover(""); view.repaint(); });
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = model.get("page") + step;
    over = -1;
    if (next >= 0 && next < count()) choose(next);
    event.preventDefault();
  });
  maps.addEventListener("pointermove", (event) => {
    const side = event.offsetX >= MAPS[1] ? 1 : 0;
    const column = Math.floor((event.offsetX - MAPS[side]) / CELL), row = Math.floor((event.offsetY - MAP_TOP) / CELL);
    const granule = row * SIDE + column, page = model.get("page");
    const inside = column >= 0 && column < SIDE && row >= 0 && row < SIDE;
    view.hover(inside ? `granule ${granule}: source ${hex(tagsOf("source", page)[granule])}, destination `
      + hex(tagsOf("destination", page)[granule]) : "", event);
  });
  maps.addEventListener("pointerleave", () => view.hover(""));

  for (const name of ["pages", "source", "destination", "rounds", "state", "page"]) view.on(`change:${name}`, () => view.repaint());
  return () => view.close();
}

export default { render };
