// The access bench: three granules drawn on top, controls on the left, what the processor made of it on the right.

const GRANULE = 16, GRANULES = 3, STRIP_HEIGHT = 116;
const SIGN = { good: "✓", bad: "✗", warn: "!", none: "–" };
const ACCESS = [
  ["tag", "Pointer tag", 0, 15],
  ["offset", "Offset of first byte", 0, 15],
];
const CHOICES = [
  ["write", "Access", [["load", false], ["store", true]]],
  ["mode", "Checks", [["none", "none"], ["sync", "sync"], ["async", "async"], ["asymmetric", "asymmetric"]]],
  ["el", "Exception level", [["EL0", 0], ["EL1", 1]]],
  ["va_range", "VA range (bit 55)", [["0, lower", 0], ["1, upper", 1]]],
  ["tagged", "Memory type", [["Normal Tagged", true], ["Normal, untagged", false]]],
];
const SWITCHES = [
  ["tco", "TCO", "checks are off (PSTATE)"],
  ["tcma", "TCMA", "one tag matches all: 0, in range 1 f (TCR_EL1)"],
  ["ata", "ATA", "tags may be used (SCTLR_EL1)"],
  ["tbi", "TBI", "the top byte is no address (TCR_EL1)"],
];

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.body.classList.add("mte-bench");
  const strip = view.canvas("");
  strip.removeAttribute("tabindex");  // it answers no key
  const form = node("div", { class: "mte-bench-form" });
  const verdict = node("p", { class: "mte-bench-outcome", role: "status" });
  const steps = node("ol", { class: "mte-bench-steps" });
  const reported = node("dl", { class: "mte-rows mte-mono" });
  const report = node("div", { class: "mte-bench-report" }, verdict,
    node("h4", {}, "What the check asked"), steps, node("h4", {}, "What the machine reports"), reported);
  view.body.append(form, report);
  const inputs = {}, moved = {};
  let width = 11;  // of a byte, in CSS pixels
  const set = (name, value) => view.send("set", { [name]: value });

  view.button("Keep TFSR", "The next access finds TFSR as this one leaves it", () => view.send("keep"));
  view.button("Clear TFSR", "Write 0 to TFSR before the access", () => view.send("clear"));
  build();

  // ---- controls: native ones, so that the keyboard and screen readers need no help

  function row(label, ...children) {
    return node("label", { class: "mte-bench-row" }, node("span", {}, label), ...children);
  }

  function slider(name, label, low, high, read) {
    const shown = node("output", { class: "mte-mono" });
    const input = node("input", {
      type: "range", min: low, max: high, step: 1, "aria-label": label,
      oninput: () => set(name, moved[name] = read(Number(input.value))),
    });
    inputs[name] = { input, shown };
    return row(label, input, shown);
  }

  function select(name, label, options, change) {
    const input = node("select", {
      class: "mte-button", "aria-label": label, onchange: () => change(options[input.selectedIndex][1]),
    }, ...options.map(([text]) => node("option", {}, text)));
    inputs[name] = { input, values: options.map(([, value]) => value) };
    return input;
  }

  function build() {
    const digits = Array.from({ length: 16 }, (_, tag) => [hex(tag), tag]);
    const tags = Array.from({ length: GRANULES }, (_, at) =>
      select(`tags${at}`, `Memory tag of granule ${at}`, digits, (tag) => {
        const all = [...model.get("config").tags];
        all[at] = tag;
        set("tags", all);
      }));
    const switches = SWITCHES.map(([name, label, meaning]) => {
      const input = node("input", { type: "checkbox", onchange: () => set(name, input.checked) });
      inputs[name] = { input };
      return node("label", {}, input, node("b", {}, label), node("span", { class: "mte-muted" }, meaning));
    });
    const sizes = model.get("sizes");
    form.append(
      ...ACCESS.map(([name, label, low, high]) => slider(name, label, low, high, (value) => value)),
      slider("size", "Size in bytes", 0, sizes.length - 1, (value) => sizes[value]),
      row("Memory tags", node("span", { class: "mte-bench-tags" }, ...tags)),
      ...CHOICES.map(([name, label, options]) => row(label, select(name, label, options, (value) => set(name, value)))),
      node("div", { class: "mte-bench-switches", role: "group", "aria-label": "Register bits" }, ...switches),
      node("p", { class: "mte-muted" }, "Filled bytes: the access. Below them: the pointer's tag, and how it compares. "
        + "Underlined bytes: stored."),
    );
  }

  function fill(theme) {
    const config = model.get("config");
    for (const name of ["tag", "offset", "size"]) {
      const { input, shown } = inputs[name];
      shown.textContent = name === "tag" ? hex(config.tag) : config[name];
      input.setAttribute("aria-valuetext", shown.textContent);
      // While answers to earlier moves come in, the slider stays where the hand has it.
      if (name in moved && moved[name] !== config[name]) continue;
      delete moved[name];
      input.value = name === "size" ? model.get("sizes").indexOf(config.size) : config[name];
    }
    for (const [name] of CHOICES) inputs[name].input.selectedIndex = inputs[name].values.indexOf(config[name]);
    for (const [name] of SWITCHES) inputs[name].input.checked = config[name];
    colour(inputs.tag.shown, theme, config.tag);
    config.tags.forEach((tag, at) => {
      const { input } = inputs[`tags${at}`];
      input.selectedIndex = tag;
      colour(input, theme, tag);
    });
  }

  function colour(element, theme, tag) {
    element.style.background = theme.tags[tag];
    element.style.color = theme.digits[tag];
  }

  // ---- the three granules

  /** Where a byte is drawn: its left edge and its width. */
  function column(byte) {
    return [byte * width + Math.floor(byte / GRANULE) * 8, width];
  }

  function drawStrip(theme) {
    const config = model.get("config"), result = model.get("result");
    const g = view.context(strip, column(GRANULE * GRANULES - 1)[0] + width + 2, STRIP_HEIGHT);
    g.textBaseline = "middle";
    result.granules.forEach((granule, at) => drawGranule(g, theme, granule, at, config));
    result.bytes.forEach((value, byte) => drawByte(g, theme, value, byte, config, result));
    if (result.far_byte !== null) {
      const [x] = column(result.far_byte);
      g.fillStyle = theme.bad;
      g.font = `700 11px ${theme.sans}`;
      g.textAlign = "left";
      g.fillText("▲ FAR", x + 1, 72);
    }
  }

  function drawGranule(g, theme, granule, at, config) {
    const [x] = column(at * GRANULE);
    tile(g, theme, granule.tag, x, 2, 22);
    g.strokeStyle = theme.line;
    g.lineWidth = 1;
    g.strokeRect(x + 0.5, 2.5, 21, 21);
    g.textAlign = "left";
    g.fillStyle = theme.muted;
    g.font = `11px ${theme.mono}`;
    g.fillText(granule.tagged ? `memory tag, 0x${hex(granule.address)}` : `no tag, 0x${hex(granule.address)}`, x + 28, 14);
    if (!granule.covers) return;
    const [first, count] = granule.covers;
    const [left] = column(first), right = column(first + count - 1)[0] + width;
    const shade = { match: theme.good, differ: theme.bad, unchecked: theme.muted, unreached: theme.muted }[granule.check];
    g.strokeStyle = shade;
    g.lineWidth = 3;
    g.beginPath();
    g.moveTo(left + 1, 83);
    g.lineTo(right - 2, 83);
    g.stroke();
    // The bracket's label stays inside its granule, however few bytes are covered.
    const room = column(at * GRANULE + GRANULE - 1)[0] + width - 122;
    const from = Math.max(x, Math.min(left, room));
    tile(g, theme, config.tag, from, 91, 22);
    g.fillStyle = shade;
    g.font = `600 12px ${theme.sans}`;
    g.textAlign = "left";
    const words = { match: "✓ tags equal", differ: "✗ tags differ", unchecked: "– not checked", unreached: "– not reached" };
    g.fillText(words[granule.check], from + 28, 103);
  }

  function drawByte(g, theme, value, byte, config, result) {
    const [x] = column(byte);
    const covered = byte >= config.offset && byte < config.offset + config.size;
    const stored = result.stored.includes(byte);
    g.fillStyle = covered ? theme.ink : theme.surface;
    g.fillRect(x, 32, width - 1, 28);
    if (stored) {
      g.fillStyle = theme.page;  // a gap: on the byte itself the line would hardly show
      g.fillRect(x, 54, width - 1, 3);
      g.fillStyle = theme.accent;
      g.fillRect(x, 57, width - 1, 4);
    }
    g.fillStyle = covered ? theme.page : theme.muted;
    g.font = `${covered ? 600 : 400} ${clamp(Math.floor((width - 1.5) / 1.21), 8, 11)}px ${theme.mono}`;
    g.textAlign = "center";
    g.fillText(hex(value, 2), x + (width - 1) / 2, 45);
  }

  // ---- the outcome

  function say() {
    const result = model.get("result"), { tfsr } = result;
    const rows = [
      ["ESR_EL1", result.esr ?? "unchanged"],
      ...result.syndrome,
      ["FAR_EL1", result.far ?? "unchanged"],
      [tfsr.name, ["TF1", "TF0"].map((bit, i) => `${bit} ${tfsr.before[i]} → ${tfsr.after[i]}`).join(", ")],
      result.moved,
    ];
    verdict.dataset.look = result.look;
    verdict.replaceChildren(
      node("span", { class: "mte-sign", "aria-hidden": "true" }, SIGN[result.look]), node("b", {}, result.outcome),
      node("span", {}, result.words),
    );
    steps.replaceChildren(...result.steps.map(([question, answer, decisive]) =>
      node("li", { "data-decisive": decisive ? 1 : 0 }, `${question} `, node("b", {}, answer),
        decisive ? " ←\u00a0decides" : "")));
    reported.replaceChildren(...rows.flatMap(([name, words]) => [node("dt", {}, name), node("dd", {}, words)]));
    strip.setAttribute("aria-label", `${model.get("title")}. ${model.get("config").size} bytes at offset `
      + `${model.get("config").offset}. ${result.outcome}. ${result.words}`);
  }

  function draw(theme) {
    // Measured before anything is changed: afterwards the browser would have to lay out the page first.
    width = Math.max(11, Math.floor((view.body.clientWidth - 20) / (GRANULE * GRANULES)));
    fill(theme);
    drawStrip(theme);
    say();
  }

  function under(event) {
    const { granules, bytes: values } = model.get("result");
    for (let byte = 0; byte < GRANULE * GRANULES; byte++) {
      const [x] = column(byte);
      if (event.offsetX < x || event.offsetX >= x + width) continue;
      const granule = granules[Math.floor(byte / GRANULE)];
      return `byte 0x${hex(granule.address + byte % GRANULE)}: ${hex(values[byte], 2)}, memory tag ${hex(granule.tag)}`;
    }
    return "";
  }

  strip.addEventListener("pointermove", (event) => view.hover(under(event), event));
  strip.addEventListener("pointerleave", () => view.hover(""));
  for (const name of ["config", "result"]) view.on(`change:${name}`, () => view.repaint());
  return () => view.close();
}

export default { render };
