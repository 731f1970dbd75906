// The fault stepper: choices above, the ordered steps on the left, what a step looks at on the right.

const SIGN = { good: "✓", bad: "✗", warn: "→" };
const DIFFERS = { answer: "≠", place: "⇅" };
const LABELS = { situation: "Situation", access: "Access", kernel: "Kernel" };
const MEANS = {
  frame: "What the VMM's page table has for the page, and the tags of its first 16 granules",
  memslot: "The slot that has the guest page",
  VMA: "What the VMM has mapped behind it, and which memory a VM with MTE may use",
  locks: "Who else may change something now; mmu_seq counts the VMM's changes",
  "stage 2": "What the guest's second page table has for the page",
  fault: "What the fault is, and what the steps have noted so far",
};
const KEYS = { ArrowDown: "step", ArrowRight: "step", ArrowUp: "back", ArrowLeft: "back", End: "run" };

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.body.classList.add("mte-fault");
  const lists = {};
  const choices = node("div", { class: "mte-fault-choices" });
  const words = node("p", { class: "mte-fault-words" });
  const steps = node("ol", { class: "mte-fault-steps", tabindex: 0, "aria-label": "Steps of the fault path" });
  const now = node("div", { class: "mte-fault-now", role: "status" });
  const panels = node("div", { class: "mte-fault-panels" });
  const kernels = node("table", { class: "mte-board mte-fault-kernels" });
  const keys = node("p", { class: "mte-muted" });
  keys.append("In the list of steps: ", node("kbd", {}, "↓"), " step, ", node("kbd", {}, "↑"), " back, ",
    node("kbd", {}, "End"), " run, ", node("kbd", {}, "Home"), " to the start. A click on a step goes there. ◂ changed in this step.");
  view.body.append(choices, words, node("div", { class: "mte-fault-left" }, steps, keys),
    node("div", { class: "mte-fault-right" }, now, panels), node("div", { class: "mte-fault-table" }, kernels));
  build();

  function build() {
    for (const [name, label] of Object.entries(LABELS)) {
      lists[name] = node("select", {
        class: "mte-button", "aria-label": label, onchange: () => view.send("set", { [name]: lists[name].value }),
      }, ...model.get("choices")[name].map((value) => node("option", { value }, value)));
      choices.append(node("label", {}, `${label} `, lists[name]));
    }
    const buttons = [["Back", "back", "Undo the last step"], ["Step", "step", "Make the next step"],
      ["Run", "run", "Make all steps that are left"]];
    for (const [text, event, title] of buttons) {
      choices.append(node("button", { class: "mte-button", type: "button", title, onclick: () => view.send(event) }, text));
    }
    steps.addEventListener("keydown", (event) => {
      if (event.key === "Home") view.send("go", { position: 0 });
      else if (event.key in KEYS) view.send(KEYS[event.key]);
      else return;
      event.preventDefault();
    });
  }

  // ---- the path

  function drawSteps(picture, position) {
    const stop = picture.stops[position - 1];
    const attempt = stop ? stop.attempt : 0;
    const tries = picture.stops.filter((made) => made.attempt === attempt);
    const first = picture.stops.indexOf(tries[0]);
    steps.setAttribute("start", 1);
    steps.replaceChildren(...picture.path.map(([name, reason], at) => {
      const made = tries[at], number = first + at + 1;
      const done = made && number <= position;
      const state = !done ? "ahead" : made.outcome ? made.outcome.look : number === position ? "now" : "done";
      const sign = !done ? "" : made.outcome ? SIGN[made.outcome.look] : number === position ? "▶" : "✓";
      const differs = done && picture.differing[name];
      return node("li", {
        title: reason, "data-state": state, "aria-current": number === position ? "step" : false,
        onclick: () => made && view.send("go", { position: number }),
      },
      node("span", { class: "mte-fault-sign", "aria-hidden": "true" }, sign), node("code", {}, name),
      differs ? node("span", { class: "mte-fault-differs", title: `Another ${differs} than on the kernel shown before` },
        DIFFERS[differs]) : "",
      node("span", { class: "mte-fault-answer" }, done ? (made.outcome?.word ?? made.answer) : ""));
    }));
  }

  // ---- the step at hand

  function drawNow(picture, stop) {
    const look = stop?.outcome?.look ?? "";
    now.dataset.look = look;
    if (!stop) {
      now.replaceChildren(node("b", {}, picture.nothing ? "No fault" : "Before the fault"),
        node("p", {}, picture.nothing || "Stage 2 does not let the access through: the guest exits to KVM."));
      return;
    }
    const again = stop.attempt ? ` (try ${stop.attempt + 1})` : "";
    now.replaceChildren(
      node("b", { class: "mte-mono" }, stop.name + again),
      node("p", {}, stop.reason),
      stop.outcome
        ? node("p", { class: "mte-fault-end" }, node("span", { class: "mte-sign", "aria-hidden": "true" }, SIGN[look]),
          node("b", {}, stop.outcome.word), `: ${stop.outcome.reason}`)
        : node("p", {}, "Answer: ", node("b", {}, stop.answer)),
      stop.meanwhile ? node("p", { class: "mte-fault-meanwhile" }, `Meanwhile the VMM: ${stop.meanwhile}`) : "",
    );
  }

  function drawPanels(picture, position, theme) {
    const stop = picture.stops[position - 1];
    const state = stop ? stop.state : picture.start;
    const before = position > 1 ? picture.stops[position - 2].state : picture.start;
    panels.replaceChildren(...Object.entries(state).map(([name, rows]) => {
      const looked = stop?.looks.includes(name);
      return node("section", { "data-looked": looked ? 1 : 0, "aria-label": name, title: MEANS[name] },
        node("h4", {}, name, looked ? node("span", { class: "mte-fault-eye" }, "this step") : ""),
        node("div", { class: "mte-fault-rows" }, ...Object.entries(rows).flatMap(([key, value]) => {
          const changed = stop && before[name][key] !== value;
          return [node("span", { class: "mte-muted" }, key),
            node("span", { "data-changed": changed ? 1 : 0, "data-name": key },
              ...(key === "tags" && value ? tags(value, theme) : [value || "–"]), changed ? " ◂" : "")];
        })));
    }));
  }

  function tags(digits, theme) {
    const tiles = [...digits].map((digit) => node("span", {
      class: "mte-fault-tag",
      style: `background:${theme.tags[parseInt(digit, 16)]};color:${theme.digits[parseInt(digit, 16)]}`,
    }, digit));
    return [node("span", { class: "mte-fault-tags", role: "img", "aria-label": `tags ${digits}` }, ...tiles)];
  }

  // ---- the four kernels

  /** Until the fault has ended, how it ends elsewhere would give away how it ends here. */
  function drawKernels(picture, chosen, ended) {
    const focused = kernels.getRootNode().activeElement;
    const held = kernels.contains(focused) && focused.textContent;  // the button that the keyboard is on
    const head = node("tr", {}, ...["Kernel", "The same access ends", "at", "compared with the kernel shown"]
      .map((text) => node("th", { scope: "col" }, text)));
    kernels.replaceChildren(node("tbody", {}, head, ...picture.kernels.map((row) => {
      const shown = row.name === chosen.kernel;
      return node("tr", { "data-shown": shown ? 1 : 0 },
        node("td", {}, node("button", {
          class: "mte-button", type: "button", "aria-pressed": shown ? "true" : "false",
          onclick: () => view.send("set", { kernel: row.name }),
        }, row.name)),
        ...(ended ? [
          node("td", { "data-look": row.look }, `${SIGN[row.look]} ${row.word}`),
          node("td", {}, node("code", {}, row.at || "–")),
          node("td", {}, ...(shown ? ["shown"] : compared(row.differing))),
        ] : [node("td", { class: "mte-muted" }, "?"), node("td"), node("td", { class: "mte-muted" },
          shown ? "shown: run it to the end to see all four" : "")]));
    })));
    if (held) [...kernels.querySelectorAll("button")].find((made) => made.textContent === held).focus();
  }

  /** Steps with another answer, then those in another place. */
  function compared(differing) {
    const of = (what) => Object.keys(differing).filter((name) => differing[name] === what);
    const parts = [["answer", "other answer: "], ["place", "other place: "]].filter(([what]) => of(what).length);
    if (!parts.length) return ["the same"];
    return parts.map(([what, text]) => node("div", {}, `${DIFFERS[what]} ${text}`, node("code", {}, of(what).join(", "))));
  }

  function draw(theme) {
    const picture = model.get("picture"), chosen = model.get("chosen"), position = model.get("position");
    // Both traits come in one message, but a repaint for another reason may fall between two.
    const at = Math.min(position, picture.stops.length);
    for (const name of Object.keys(LABELS)) lists[name].value = chosen[name];
    words.textContent = picture.words;
    drawSteps(picture, at);
    drawNow(picture, picture.stops[at - 1]);
    drawPanels(picture, at, theme);
    drawKernels(picture, chosen, at === picture.stops.length);
  }

  for (const name of ["picture", "position", "chosen"]) view.on(`change:${name}`, () => view.repaint());
  return () => view.close();
}

export default { render };
