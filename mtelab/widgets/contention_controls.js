// The contention dashboard's controls. Menus and sliders are native, so that keyboard and screen readers know them.

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.body.classList.add("mte-column", "mte-contention");
  const controls = {}, groups = {};

  // ---- events: one at a time, and only the newest of those that wait

  let busy = false;
  const waiting = new Map();

  function tell(event, fields) {
    waiting.set(`${event} ${fields.name}`, [event, fields]);
    next();
  }

  function next() {
    if (busy || !waiting.size) return;
    const [[key, [event, fields]]] = waiting;
    waiting.delete(key);
    busy = true;
    view.send(event, fields);
  }

  view.on("change:handled", () => {
    busy = false;
    next();
  });

  // ---- protocols: the boxes are the legend, too

  const boxes = node("div", { class: "mte-contention-series", role: "group", "aria-label": "Protocols" });
  let made = "";

  function sample(series, colour) {
    const holder = node("span");
    holder.innerHTML = `<svg class="mte-contention-sample" aria-hidden="true"><line x1="0" x2="44" y1="8" y2="8" stroke="${colour}" stroke-width="2" stroke-dasharray="${series.strokes}"/>
      <text x="22" y="8.5" text-anchor="middle" dominant-baseline="central" fill="${colour}">${series.sign}</text></svg>`;
    return holder.firstElementChild;
  }

  function fillBoxes(theme, all) {
    const key = JSON.stringify([view.mode, all]);
    if (key === made) return;
    const focused = boxes.querySelector("input:focus")?.name;
    made = key;
    boxes.replaceChildren(...all.map((series) => node("label", { class: "mte-contention-box" },
      node("input", {
        type: "checkbox", name: series.name, checked: series.shown,
        onchange: (event) => tell("choose", { name: series.name, on: event.target.checked }),
      }),
      sample(series, theme.series[series.colour]), series.name)));
    if (focused) boxes.querySelector(`input[name="${CSS.escape(focused)}"]`)?.focus();
  }

  // ---- menus and sliders

  function control(name, [group, kind, label]) {
    const value = () => controls[name].options[kind === "menu" ? input.selectedIndex : Number(input.value)][0];
    const send = () => {
      write(name);
      tell("set", { name, value: value() });
    };
    const input = kind === "menu"
      ? node("select", { class: "mte-button", "aria-label": label, onchange: send })
      : node("input", { type: "range", min: 0, step: 1, "aria-label": label, oninput: send });
    const said = node("output", {});
    controls[name] = { input, kind, said, options: [], row: node("label", { class: "mte-contention-row" },
      node("span", {}, label), input, said) };
    groups[group] ??= node("div", { class: "mte-contention-group", role: "group", "aria-label": group });
    groups[group].append(controls[name].row);
  }

  function write(name) {
    const { input, kind, said, options } = controls[name];
    if (kind === "menu") return;
    said.textContent = options[Number(input.value)][1];
    input.setAttribute("aria-valuetext", said.textContent);
  }

  function fill(name, options, value) {
    const { input, kind } = controls[name];
    if (options !== controls[name].options) {
      controls[name].options = options;
      if (kind === "menu") input.replaceChildren(...options.map(([, text]) => node("option", {}, text)));
      else input.max = options.length - 1;
    }
    const at = options.findIndex(([option]) => option === value);
    if (kind === "menu") input.selectedIndex = at;
    // A slider that is being moved is ahead of what comes back.
    else if (!waiting.has(`set ${name}`)) input.value = at;
    write(name);
  }

  for (const [name, field] of Object.entries(model.get("choices"))) control(name, field);

  // ---- what came out

  const answer = node("div", { class: "mte-contention-answer", role: "status", "aria-live": "polite" });
  const bar = node("progress", { max: 1, "aria-label": "Runs done" });
  const count = node("span", { class: "mte-muted" });
  const stop = node("button", { class: "mte-button", type: "button", onclick: () => tell("stop", {}) }, "Stop");
  view.body.append(boxes, node("div", { class: "mte-contention-groups" }, ...Object.values(groups)),
    node("div", { class: "mte-contention-run" }, stop, bar, count), answer);

  function drawProgress() {
    const [done, wanted, running] = model.get("progress");
    bar.max = Math.max(wanted, 1);
    bar.value = done;
    count.textContent = running ? `${done} of ${wanted} runs` : done < wanted
      ? `stopped at ${done} of ${wanted} runs` : `${wanted} runs done`;
    stop.textContent = running || done >= wanted ? "Stop" : "Go on";
    stop.disabled = !running && done >= wanted;
  }

  function drawAnswer() {
    answer.replaceChildren(...model.get("answer").map((sentence) => node("p", {}, sentence)));
  }

  function draw(theme) {
    const { values, series, unused } = model.get("picture"), options = model.get("options");
    fillBoxes(theme, series);
    for (const name of Object.keys(controls)) {
      fill(name, options[name], values[name]);
      controls[name].row.classList.toggle("mte-muted", unused.includes(name));
    }
    drawProgress();
    drawAnswer();
  }

  view.on("change:picture change:options", () => view.repaint());
  view.on("change:progress", drawProgress);
  view.on("change:answer", drawAnswer);
  return () => view.close();
}

export default { render };
