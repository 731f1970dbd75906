// The slot explorer: guests above and below, the VMM's mappings between them, each kernel's answers in a table.

const LABELS = 84, CELL = 40, GAP = 46, TOP = 18, MIDDLE = TOP + CELL + GAP, BOTTOM = MIDDLE + CELL + 14 + GAP;
const HEIGHT = BOTTOM + CELL + 18;
const PLACES = { a: TOP, vmm: MIDDLE, b: BOTTOM };
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const FIRED = { memslot: ["✗", "(slot)"], fault: ["✗", "(fault)"], hole: ["!", "(hole)"] };

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.body.classList.add("mte-slots");
  const { blocks: BLOCKS, kernels, kinds, vms } = model.get("choices");
  const canvas = view.canvas("");
  canvas.setAttribute("role", "application");
  const where = node("p", { class: "mte-muted mte-slots-where", role: "status" });
  const legend = node("p", { class: "mte-muted mte-slots-legend" },
    "A block is 2 MiB. Middle: the VMM's addresses, one box a VMA; ✓ the rule of the kernel shown lets a VM with MTE use it, ✗ it does not. "
    + "Above and below: the guests; a band is a memslot, a tile the tag of a block that the guest has mapped. "
    + "Hole: the guest has memory that the rule forbids.");
  const table = node("table", { class: "mte-slots-steps" });
  const log = node("div", { class: "mte-slots-log" }, table);
  const inputs = {};
  const numbers = (count, first = 0) => Array.from({ length: count }, (_, at) => at + first);
  const value = (name) => inputs[name].values[inputs[name].input.selectedIndex];
  const plain = (name) => name.replace("linux-", "");
  let column = 80, cursor = { place: "a", block: 0 };

  // ---- controls: native ones, so that the keyboard and screen readers need no help

  function select(name, label, values, show = String, change = null) {
    const input = node("select", { class: "mte-button", "aria-label": label, onchange: change && (() => change(value(name))) },
      ...values.map((item) => node("option", {}, show(item))));
    inputs[name] = { input, values };
    return input;
  }

  function press(text, act) {
    return node("button", { class: "mte-button", type: "button", onclick: act }, text);
  }

  function row(label, ...children) {
    return node("div", { class: "mte-slots-row", role: "group", "aria-label": label }, node("b", {}, label), ...children);
  }

  const vmName = (vm) => `VM ${vm}`;
  const fault = node("input", { type: "checkbox", onchange: () => view.send("check_at_fault", { on: fault.checked }) });
  const removed = select("removed", "Slot to remove", []);
  const remove = press("Remove slot", () => value("removed") && view.send("remove_slot", value("removed")));
  const form = node("div", { class: "mte-slots-form" },
    row("VMM", "maps", select("kind", "Kind of memory", kinds), "over block", select("block", "Block to map over", numbers(BLOCKS)),
      "length", select("count", "Blocks to map", numbers(BLOCKS, 1)),
      press("Map", () => view.send("map", { kind: value("kind"), block: value("block"), count: value("count") }))),
    row("Memslot", select("slotVm", "VM of the slot", vms, vmName), "guest block",
      select("slotGuest", "Guest block of the slot", numbers(BLOCKS)), "on block",
      select("slotBlock", "Block behind the slot", numbers(BLOCKS)), "length",
      select("slotCount", "Blocks of the slot", numbers(BLOCKS, 1)),
      press("Make slot", () => view.send("make_slot", {
        vm: value("slotVm"), guest_block: value("slotGuest"), block: value("slotBlock"), count: value("slotCount"),
      })),
      node("span", { class: "mte-slots-pair" }, removed, remove)),
    row("Guest", select("vm", "VM of the guest", vms, vmName), "block", select("guest", "Guest block", numbers(BLOCKS)),
      press("Read its tag", () => view.send("touch", { vm: value("vm"), guest_block: value("guest"), tag: null })),
      press("Set its tag to", touch), select("tag", "Tag", numbers(16), hex)),
    row("Kernel", select("kernel", "Kernel shown", kernels, plain, (kernel) => view.send("kernel", { kernel })),
      node("span", {}, "checks at the memslot"), node("label", {}, fault, " and at the fault too")),
  );
  /** The lists as at the start; what the model holds is filled in by every drawing. */
  function fresh() {
    for (const [name, { input }] of Object.entries(inputs)) input.selectedIndex = name === "tag" ? 7 : 0;
    view.repaint();
  }

  fresh();
  view.tools.firstChild.addEventListener("click", fresh); // Reset
  view.body.append(where, form, legend, log);

  function touch() {
    view.send("touch", { vm: value("vm"), guest_block: value("guest"), tag: value("tag") });
  }

  function fill(picture) {
    inputs.kernel.input.selectedIndex = kernels.indexOf(picture.kernel);
    fault.checked = picture.check_at_fault;
    const slots = vms.flatMap((vm) => [...new Set(picture.guests[vm].map((block) => block.slot))]
      .filter((slot) => slot !== null).map((slot) => ({ vm, number: slot })));
    if (JSON.stringify(slots) !== JSON.stringify(inputs.removed.values)) {
      inputs.removed.values = slots;
      removed.replaceChildren(...slots.map(({ vm, number }) => node("option", {}, `VM ${vm}, slot ${number}`)));
    }
    // Not disabled: the keyboard's focus stays where it is when the last slot goes.
    for (const part of [removed, remove]) part.setAttribute("aria-disabled", !slots.length);
    if (!slots.length) removed.replaceChildren(node("option", {}, "no slot"));
  }

  // ---- the drawing

  const left = (block) => LABELS + block * column;

  function text(g, words, x, y, colour, font, align = "center") {
    g.fillStyle = colour;
    g.font = font;
    g.textAlign = align;
    g.textBaseline = "middle";
    g.fillText(words, x, y);
  }

  /** One band a slot, from the guest's blocks to the VMM's. */
  function drawBands(g, theme, blocks, from, to) {
    const shade = theme.accent;
    blocks.forEach((block, at) => {
      if (block.slot === null || (at && blocks[at - 1].slot === block.slot)) return;
      const a = left(at), b = left(block.hva);
      const width = blocks.filter(({ slot }) => slot === block.slot).length * column;
      g.beginPath();
      g.moveTo(a + 3, from);
      g.lineTo(a + width - 3, from);
      g.lineTo(b + width - 3, to);
      g.lineTo(b + 3, to);
      g.closePath();
      g.globalAlpha = 0.16;
      g.fillStyle = shade;
      g.fill();
      g.globalAlpha = 1;
      g.strokeStyle = shade;
      g.lineWidth = 1;
      g.stroke();
    });
  }

  function drawGuest(g, theme, vm, blocks, y) {
    text(g, `guest ${vm}`, 0, y + CELL / 2, theme.ink, `600 12px ${theme.sans}`, "left");
    blocks.forEach((block, at) => {
      const x = left(at);
      g.setLineDash(block.slot === null ? [3, 3] : []);
      g.strokeStyle = block.slot === null ? theme.line : theme.accent;
      g.lineWidth = 1;
      g.fillStyle = block.slot === null ? theme.page : theme.surface;
      g.fillRect(x + 2.5, y + 0.5, column - 5, CELL - 1);
      g.strokeRect(x + 2.5, y + 0.5, column - 5, CELL - 1);
      g.setLineDash([]);
      const middle = x + column / 2;
      if (block.slot === null) return text(g, "no slot", middle, y + CELL / 2, theme.muted, `11px ${theme.sans}`);
      if (block.tag === null) return text(g, `slot ${block.slot}`, middle, y + CELL / 2, theme.ink, `12px ${theme.sans}`);
      const size = column < 84 ? 20 : 24, at0 = x + column - size - 8, top = y + (CELL - size) / 2;
      text(g, `slot ${block.slot}`, x + 6, y + CELL / 2, theme.ink, `${size / 2}px ${theme.sans}`, "left");
      tile(g, theme, block.tag, at0, top, size);
      g.strokeStyle = theme.line;
      g.strokeRect(at0 + 0.5, top + 0.5, size - 1, size - 1);
    });
  }

  function drawVmas(g, theme, picture) {
    text(g, "VMM", 0, MIDDLE + CELL / 2, theme.ink, `600 12px ${theme.sans}`, "left");
    for (let at = 0; at < BLOCKS; at++) {
      text(g, "nothing", left(at) + column / 2, MIDDLE + CELL / 2, theme.muted, `11px ${theme.sans}`);
      text(g, at, left(at) + column / 2, MIDDLE + CELL + 8, theme.muted, `11px ${theme.mono}`);
    }
    for (const vma of picture.vmas) {
      const x = left(vma.start) + 1.5, width = (vma.end - vma.start) * column - 3;
      const shade = vma.permitted ? theme.good : theme.bad;
      g.fillStyle = theme.page;
      g.fillRect(x, MIDDLE, width, CELL);
      g.globalAlpha = 0.14;
      g.fillStyle = shade;
      g.fillRect(x, MIDDLE, width, CELL);
      g.globalAlpha = 1;
      g.strokeStyle = shade;
      g.lineWidth = vma.permitted ? 1.5 : 2.5;
      g.strokeRect(x, MIDDLE + 0.5, width, CELL - 1);
      const [way, behind] = vma.kind.split(" ");
      const middle = x + width / 2;
      const size = column < 72 ? 10 : 12;
      text(g, `${vma.permitted ? "✓" : "✗"} ${way}`, middle, MIDDLE + 13, shade, `600 ${size}px ${theme.sans}`);
      text(g, behind, middle, MIDDLE + 28, theme.ink, `12px ${theme.sans}`);
    }
  }

  function say(picture) {
    const head = node("tr", {}, node("th", {}, "step (and where a check fired)"), ...kernels.map((name) => node("th", {}, plain(name))));
    const rows = picture.steps.map(({ number, words, answers }) => node("tr", {}, node("td", {}, `${number}  ${words}`),
      ...answers.map(([result, where]) => {
        const [sign, place] = FIRED[where] ?? ["", ""];
        return node("td", { "data-where": where || "none" }, `${sign} ${result} `, node("span", {}, place));
      })));
    const empty = node("tr", {}, node("td", { class: "mte-muted", colspan: kernels.length + 1 }, "no step yet"));
    table.replaceChildren(node("thead", {}, head), node("tbody", {}, ...(rows.length ? rows : [empty])));
    const vmas = picture.vmas.map((vma) => `blocks ${vma.start} to ${vma.end - 1} ${vma.kind}`).join(", ");
    const guests = vms.map((vm) => {
      const blocks = picture.guests[vm].map(({ slot, hva, tag }, at) => (slot === null ? "" :
        `block ${at} on ${hva} by slot ${slot}${tag === null ? "" : ` with tag ${hex(tag)}`}`));
      return ` Guest ${vm}: ${blocks.filter(Boolean).join(", ") || "no slot"}.`;
    });
    canvas.setAttribute("aria-label", `${model.get("title")}, ${picture.kernel}. The VMM has ${vmas}.${guests.join("")}`);
  }

  function draw(theme) {
    const picture = model.get("picture");
    // While JupyterLab changes its theme there is no layout to measure.
    const room = view.body.clientWidth;
    if (room) column = Math.max(58, Math.floor((room - LABELS - 4) / BLOCKS));
    const g = view.context(canvas, LABELS + BLOCKS * column, HEIGHT);
    for (let at = 0; at < BLOCKS; at++) {
      text(g, at, left(at) + column / 2, 8, theme.muted, `11px ${theme.mono}`);
      text(g, at, left(at) + column / 2, HEIGHT - 8, theme.muted, `11px ${theme.mono}`);
    }
    text(g, "block", 0, 8, theme.muted, `11px ${theme.sans}`, "left");
    drawBands(g, theme, picture.guests.a, TOP + CELL, MIDDLE);
    drawBands(g, theme, picture.guests.b, BOTTOM, MIDDLE + CELL + 16);
    drawVmas(g, theme, picture);
    drawGuest(g, theme, "a", picture.guests.a, TOP);
    drawGuest(g, theme, "b", picture.guests.b, BOTTOM);
    const reached = canvas.matches(":focus-visible");
    if (reached) {
      g.strokeStyle = theme.ink;
      g.lineWidth = 3;
      g.strokeRect(left(cursor.block) + 2, PLACES[cursor.place], column - 4, CELL);
    }
    const words = reached ? `${explain(cursor)}.` : "Click a guest's block, and the guest sets a tag there; "
      + "click a block of the VMM to choose it below. By keyboard: arrows, then Enter.";
    if (where.textContent !== words) where.textContent = words;
    fill(picture);
    say(picture);
  }

  // ---- the mouse, and the keyboard's cursor

  /** What is at a point: a row ("a", "b" or "vmm") and a block, or null. */
  function under(event) {
    const block = Math.floor((event.offsetX - LABELS) / column), y = event.offsetY;
    if (block < 0 || block >= BLOCKS) return null;
    const place = Object.keys(PLACES).find((name) => y >= PLACES[name] && y < PLACES[name] + CELL);
    return place ? { place, block } : null;
  }

  function explain(found) {
    if (!found) return "";
    const picture = model.get("picture");
    if (found.place === "vmm") {
      const vma = picture.vmas.find(({ start, end }) => start <= found.block && found.block < end);
      if (!vma) return `block ${found.block}: nothing mapped`;
      return `block ${found.block}: ${vma.kind}; rule of ${picture.kernel}: ${picture.rule}`;
    }
    const block = picture.guests[found.place][found.block];
    if (block.slot === null) return `guest ${found.place}, block ${found.block}: no slot`;
    const mapped = block.tag === null ? "not mapped yet" : `mapped, tag ${hex(block.tag)}`;
    return `guest ${found.place}, block ${found.block}: slot ${block.slot} on block ${block.hva}, ${mapped}`;
  }

  canvas.addEventListener("pointermove", (event) => view.hover(explain(under(event)), event));
  canvas.addEventListener("pointerleave", () => view.hover(""));
  canvas.addEventListener("click", (event) => act(under(event)));
  canvas.addEventListener("keydown", (event) => {
    const names = Object.keys(PLACES), step = STEPS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) {
      cursor = { place: names[clamp(names.indexOf(cursor.place) + step[0], 0, names.length - 1)],
        block: clamp(cursor.block + step[1], 0, BLOCKS - 1) };
    } else if (event.key === "Enter" || event.key === " ") act(cursor);
    else return;
    event.preventDefault();
    view.repaint();
  });
  for (const change of ["focus", "blur"]) canvas.addEventListener(change, () => view.repaint());

  function act(found) {
    if (!found) return;
    cursor = found;
    if (found.place === "vmm") {
      inputs.block.input.selectedIndex = inputs.slotBlock.input.selectedIndex = found.block;
      return;
    }
    inputs.vm.input.selectedIndex = vms.indexOf(found.place);
    inputs.guest.input.selectedIndex = found.block;
    touch();
  }

  view.on("change:picture", () => {
    view.hover(""); // it spoke of the state before
    view.repaint();
  });
  return () => view.close();
}

export default { render };
