// A table to read and to copy. What goes to the clipboard is also shown, selected: some pages may not write there.

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  const table = node("table", { class: "mte-numbers" });
  const text = node("textarea", { class: "mte-numbers-text", rows: 2, readonly: true, spellcheck: "false", "aria-label": "Copied text",
    placeholder: "What is copied is shown here too." });
  const said = node("span", { class: "mte-muted", role: "status", "aria-live": "polite" });
  view.body.classList.add("mte-column");
  view.body.append(node("div", { class: "mte-numbers-frame", tabindex: 0, role: "region", "aria-label": "Numbers" }, table),
    node("div", { class: "mte-numbers-copied" }, text, said));
  for (const form of model.get("formats")) {
    view.button(`Copy ${form}`, `Copy all numbers as ${form}`, () => view.send("copy", { form }));
  }

  function draw() {
    const { head, rows } = model.get("table");
    table.replaceChildren(
      node("thead", {}, node("tr", {}, ...head.map((name) => node("th", { scope: "col" }, name)))),
      node("tbody", {}, ...rows.map(([name, ...cells]) => node("tr", {},
        node("th", { scope: "row" }, name), ...cells.map((cell) => node("td", {}, cell))))),
    );
  }

  async function copied({ answer, form, text: copy, rows }) {
    if (answer === "reset") text.value = said.textContent = "";
    if (answer !== "copy") return;
    text.value = copy;
    text.select();
    let done = true;
    try {
      await navigator.clipboard.writeText(copy);
    } catch {
      done = document.execCommand("copy");
    }
    said.textContent = done ? `${rows} rows copied as ${form}.` : `${rows} rows as ${form}: press Ctrl+C to copy.`;
  }

  view.on("change:table", () => view.repaint());
  view.on("msg:custom", copied);
  return () => view.close();
}

export default { render };
