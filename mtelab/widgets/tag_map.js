// The tag map: a tile a granule. Strokes are drawn at once and sent when they end.

const CELL = 26, GAP = 2, LEFT = 66, TOP = 20;
const GRANULE = 16;

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  const canvas = view.canvas("");
  canvas.setAttribute("role", "application");
  let cursor = 0, over = -1, stroke = null;

  const side = node("div", { class: "mte-side" });
  const brushes = node("div", { class: "mte-brushes", role: "radiogroup", "aria-label": "Brush: the tag to paint" });
  for (let tag = 0; tag < 16; tag++) {
    brushes.append(node("button", {
      class: "mte-brush", type: "button", role: "radio", title: `Paint tag ${hex(tag)} (${tag})`,
      onclick: () => choose(tag),
    }, hex(tag)));
  }
  // One tab stop for all brushes, as for any group of radio buttons; the arrows go round.
  brushes.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const tag = (model.get("brush") + step + 16) % 16;
    choose(tag);
    brushes.children[tag].focus();
  });
  const here = node("p", { class: "mte-mono mte-here" });
  const legend = node("p", { class: "mte-muted mte-reach" });
  const keys = node("p", { class: "mte-muted" });
  keys.append(node("kbd", {}, "arrows"), " move, ", node("kbd", {}, "0"), "–", node("kbd", {}, "f"),
    " tag, ", node("kbd", {}, "space"), " paint with the brush");
  if (model.get("paintable")) side.append(node("h4", {}, "Brush: the tag to paint"), brushes);
  side.append(node("h4", {}, "Granule"), here);
  if (model.get("paintable")) side.append(keys);
  side.append(legend);
  view.body.append(side);

  const count = () => bytes(model, "frame").length;
  const columns = () => model.get("columns");
  const address = (cell) => model.get("address") + cell * GRANULE;
  const place = (cell) => [LEFT + (cell % columns()) * (CELL + GAP), TOP + Math.floor(cell / columns()) * (CELL + GAP)];

  function choose(tag) {
    model.set("brush", tag);
    model.save_changes();
  }

  function words(cell) {
    const tag = bytes(model, "frame")[cell];
    return `granule ${cell}: bytes 0x${hex(address(cell))} to 0x${hex(address(cell) + GRANULE - 1)}, tag ${hex(tag)}`;
  }

  function draw(theme) {
    const tags = bytes(model, "frame"), changed = bytes(model, "changed"), reach = model.get("reach");
    const rows = Math.ceil(tags.length / columns());
    const g = view.context(canvas, LEFT + columns() * (CELL + GAP), TOP + rows * (CELL + GAP) + 2);
    g.font = `11px ${theme.mono}`;
    g.fillStyle = theme.muted;
    g.textBaseline = "middle";
    g.textAlign = "center";
    for (let column = 0; column < columns(); column++) g.fillText(`+${hex(column)}0`, place(column)[0] + CELL / 2, TOP / 2);
    g.textAlign = "right";
    for (let row = 0; row < rows; row++) {
      g.fillText(`0x${hex(address(row * columns()))}`, LEFT - 8, place(row * columns())[1] + CELL / 2);
    }
    tags.forEach((stored, cell) => {
      const tag = stroke && stroke.has(cell) ? model.get("brush") : stored;
      const [x, y] = place(cell);
      tile(g, theme, tag, x, y, CELL);
      if (tag === 0) outline(g, theme.line, x, y, 1);
      if (changed[cell]) corner(g, theme, x, y);
      if (cell === over) outline(g, theme.ink, x, y, 2);
    });
    if ("first" in reach) {
      for (let cell = reach.first; cell <= reach.last; cell++) access(g, theme, cell, tags[cell], reach);
    }
    if (document.activeElement === canvas || canvas.getRootNode().activeElement === canvas) {
      outline(g, theme.page, ...place(cursor), 3);  // so that the dashes stand out on any tag
      g.setLineDash([4, 3]);
      outline(g, theme.accent, ...place(cursor), 3);
      g.setLineDash([]);
    }
    explain(reach);
  }

  function outline(g, colour, x, y, width) {
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.strokeRect(x + width / 2 - 1, y + width / 2 - 1, CELL + 2 - width, CELL + 2 - width);
  }

  /** A dog-ear on what the last action changed. */
  function corner(g, theme, x, y) {
    g.fillStyle = theme.ink;
    g.strokeStyle = theme.page;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x + CELL - 8, y);
    g.lineTo(x + CELL, y);
    g.lineTo(x + CELL, y + 8);
    g.closePath();
    g.fill();
    g.stroke();
  }

  /** A granule that the access touches: a bar over its bytes, its tag, and below it sign and tag of the pointer. */
  function access(g, theme, cell, tag, reach) {
    const [x, y] = place(cell), matches = reach.matches[cell - reach.first], colour = matches ? theme.good : theme.bad;
    const from = Math.max(reach.address - address(cell), 0);
    const to = Math.min(reach.address + reach.size - address(cell), GRANULE);
    g.fillStyle = theme.page;
    g.fillRect(x, y, CELL, CELL);
    g.fillStyle = theme.tags[tag];
    g.fillRect(x, y + 5, CELL, 11);
    g.fillStyle = theme.digits[tag];
    g.font = `600 12px ${theme.mono}`;
    g.textAlign = "center";
    g.fillText(hex(tag), x + CELL / 2, y + 11);
    g.fillStyle = colour;
    g.fillRect(x + (from * (CELL - 2)) / GRANULE, y, ((to - from) * (CELL - 2)) / GRANULE + 2, 4);
    g.font = `700 11px ${theme.mono}`;
    g.fillText((matches ? "✓" : "✗") + hex(reach.tag), x + CELL / 2, y + 21);
    outline(g, colour, x, y, 2);
  }

  function explain(reach) {
    const brush = model.get("brush");
    [...brushes.children].forEach((button, tag) => {
      button.style.background = view.theme.tags[tag];
      button.style.color = view.theme.digits[tag];
      button.setAttribute("aria-checked", tag === brush);
      button.tabIndex = tag === brush ? 0 : -1;
    });
    here.textContent = words(over >= 0 ? over : cursor);
    const lines = [];
    if ("first" in reach) {
      const wrong = reach.matches.filter((same) => !same).length;
      lines.push(`Access of ${reach.size} ${reach.size === 1 ? "byte" : "bytes"} at 0x${hex(reach.address)}, pointer tag `
        + `${hex(reach.tag)}: ${wrong ? `✗ ${wrong} of ${reach.matches.length} granules differ` : "✓ tags match"}. The bar marks its bytes.`);
    }
    if (bytes(model, "changed").some((one) => one)) lines.push("◥ changed by the last action.");
    legend.textContent = lines.join(" ");
    canvas.setAttribute("aria-label", `${model.get("title")}. ${words(cursor)}`);
  }

  function at(event) {
    const column = Math.floor((event.offsetX - LEFT) / (CELL + GAP)), row = Math.floor((event.offsetY - TOP) / (CELL + GAP));
    const cell = row * columns() + column;
    return column >= 0 && column < columns() && row >= 0 && cell < count() ? cell : -1;
  }

  function paint(cells) {
    view.send("paint", { tag: model.get("brush") }, Uint32Array.from(cells).buffer);
  }

  function touch(event) {
    const cell = at(event);
    if (cell >= 0) { stroke.add(cell); cursor = cell; }
    view.repaint();
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus();
    if (!model.get("paintable")) return;
    canvas.setPointerCapture(event.pointerId);
    stroke = new Set();
    touch(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    over = at(event);
    view.hover(over >= 0 ? words(over) : "", { clientX: event.clientX, clientY: event.clientY });
    if (stroke) touch(event);
    view.repaint();
  });
  canvas.addEventListener("pointerup", () => {
    if (stroke && stroke.size) paint(stroke);
    stroke = null;
  });
  canvas.addEventListener("pointerleave", () => { over = -1; view.hover(""); view.repaint(); });
  canvas.addEventListener("focus", () => view.repaint());
  canvas.addEventListener("blur", () => view.repaint());
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) {
      const next = cursor + step;
      if (next >= 0 && next < count()) cursor = next;
      over = -1; // the keyboard took over from the mouse
      view.hover("");
    } else if (model.get("paintable") && /^[0-9a-fA-F]$/.test(event.key)) {
      choose(parseInt(event.key, 16));
      paint([cursor]);
    } else if (model.get("paintable") && (event.key === " " || event.key === "Enter")) {
      paint([cursor]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    view.repaint();
  });

  for (const name of ["frame", "changed", "reach", "brush"]) view.on(`change:${name}`, () => view.repaint());
  return () => view.close();
}

export default { render };
