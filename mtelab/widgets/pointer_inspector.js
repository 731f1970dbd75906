// The pointer inspector: 64 buttons in two rows, grouped into fields, and a line of words for each field.

/** Fields from the top, [high, low, kind, label]; those from 54 down depend on the size of an address. */
const fields = (size) => [
  [63, 60, "free", "ignored (TBI)"],
  [59, 56, "tag", "logical tag"],
  [55, 55, "range", "range"],
  [54, size, "sign", "copies of bit 55"],
  [size - 1, 32, "address", "address"],
  [31, 4, "address", "address: chooses the granule"],
  [3, 0, "offset", "byte in granule"],
];
const MEANING = {
  free: "ignored when TBI is on",
  tag: "logical tag",
  range: "chooses the range",
  sign: "must be a copy of bit 55",
  address: "address, chooses the granule",
  offset: "byte in the granule, does not choose it",
};
const SIGN = { good: "✓ ", bad: "✗ ", "": "" };

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  let cursor = 56, laidOut = 0, typing = false;

  const entry = node("input", {
    class: "mte-entry", size: 20, spellcheck: "false", "aria-label": "The pointer in hex; Enter takes it",
    oninput: () => { typing = true; },
    onchange: take,
    onkeydown: (event) => { if (event.key === "Enter") take(); },
  });
  const sizes = node("select", {
    class: "mte-button", "aria-label": "Size of a virtual address",
    onchange: () => view.send("size", { va_bits: Number(sizes.value) }),
  }, node("option", { value: 39 }, "39-bit addresses"), node("option", { value: 48 }, "48-bit addresses"));
  view.tools.prepend(sizes);
  const word = node("div", { class: "mte-bits", role: "group", "aria-label": "Bits 63 to 0" });
  const table = node("div", { class: "mte-rows" });
  const keys = node("p", { class: "mte-muted" });
  keys.append("Click a bit to flip it, or ", node("kbd", {}, "arrows"), " move, ", node("kbd", {}, "space"), " flips.");
  view.body.append(
    node("label", { class: "mte-word" }, "Pointer ", entry), word, table, keys,
  );
  view.body.classList.add("mte-column");

  const pointer = () => BigInt(`0x${model.get("word")}`);
  const button = (bit) => word.querySelector(`[data-bit="${bit}"]`);

  function take() {
    if (typing) view.send("enter", { text: entry.value });
    typing = false;
  }

  function layOut() {
    laidOut = model.get("va_bits");
    const rows = [node("div", { class: "mte-bitrow" }), node("div", { class: "mte-bitrow" })];
    for (const [high, low, kind, label] of fields(laidOut)) {
      const bits = node("div", { class: "mte-bitfield-bits" });
      for (let bit = high; bit >= low; bit--) {
        bits.append(node("button", {
          class: "mte-bit", type: "button", tabindex: bit === cursor ? 0 : -1, "data-bit": bit, "data-kind": kind,
        }));
      }
      const numbers = high === low ? `${high}` : `${high}:${low}`;
      rows[high < 32 ? 1 : 0].append(node("div", { class: "mte-bitfield", "data-kind": kind },
        node("div", { class: "mte-bitnumbers" }, numbers), bits, node("div", { class: "mte-bitlabel" }, label)));
    }
    word.replaceChildren(...rows);
  }

  function draw(theme) {
    if (laidOut !== model.get("va_bits")) layOut();
    const value = pointer(), tag = Number((value >> 56n) & 15n);
    for (const made of word.querySelectorAll(".mte-bit")) {
      const bit = made.dataset.bit, on = String((value >> BigInt(bit)) & 1n);
      made.textContent = on;
      made.dataset.on = on;
      made.setAttribute("aria-label", `bit ${bit} is ${on}: ${MEANING[made.dataset.kind]}`);
      const coloured = made.dataset.kind === "tag";
      made.style.background = coloured ? theme.tags[tag] : "";
      made.style.color = coloured ? theme.digits[tag] : "";
    }
    word.querySelector('[data-kind="tag"] .mte-bitlabel').textContent = `tag ${hex(tag)}`;
    if (!typing) entry.value = `0x${model.get("word")}`;
    sizes.value = model.get("va_bits");
    table.replaceChildren(...model.get("rows").flatMap(([name, words, verdict]) => [
      node("b", {}, name), node("span", { "data-verdict": verdict }, SIGN[verdict] + words),
    ]));
  }

  function move(bit) {
    button(cursor).tabIndex = -1;
    cursor = clamp(bit, 0, 63);
    button(cursor).tabIndex = 0;
    button(cursor).focus();
  }

  word.addEventListener("click", (event) => {
    const bit = event.target.dataset.bit;
    if (bit === undefined) return;
    move(Number(bit));
    view.send("flip", { bit: Number(bit) });
  });
  word.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: 1, ArrowRight: -1, ArrowUp: 32, ArrowDown: -32 }[event.key];
    const to = { Home: 63, End: 0 }[event.key] ?? (step && cursor + step);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (to >= 0 && to <= 63) move(to);
  });
  word.addEventListener("pointermove", (event) => {
    const bit = event.target.dataset.bit;
    view.hover(bit === undefined ? "" : event.target.getAttribute("aria-label"), event);
  });
  word.addEventListener("pointerleave", () => view.hover(""));

  for (const name of ["word", "va_bits", "rows"]) view.on(`change:${name}`, () => view.repaint());
  return () => view.close();
}

export default { render };
