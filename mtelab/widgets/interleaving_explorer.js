// The interleaving explorer: choices and controls, the page and its locks, a lane for each CPU, the moves as a table.

const LABELS = { protocol: "Protocol", situation: "Situation", cpus: "CPUs", pages: "Pages", memory: "Memory",
  mmu_lock: "mmu_lock" };
const NUMBERS = ["cpus", "pages"];
const FIND = "Find me the bug";
const SIGN = { good: "✓", bad: "✗", warn: "!" };

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.root.classList.add("mte-race");
  view.body.classList.add("mte-race-body");
  const lists = {};
  let lanes = [], chosen = 0, clock = null, drawn = { code: null, line: null };
  let scrolls = []; // done after all else is drawn: to ask for places in between would lay the page out again and again

  // ---- the controls

  const choices = node("div", { class: "mte-race-row" });
  for (const [name, label] of Object.entries(LABELS)) {
    const value = () => NUMBERS.includes(name) ? Number(lists[name].value) : lists[name].value;
    lists[name] = node("select", { class: "mte-button", "aria-label": label,
      onchange: () => view.send("set", { [name]: value() }) });
    choices.append(node("label", {}, `${label} `, lists[name]));
  }
  const words = node("p", { class: "mte-muted mte-race-words" });
  const button = (text, title, press) => node("button", { class: "mte-button", type: "button", title, onclick: press }, text);
  const undo = button("Undo", "Take the last move back (↑)", () => view.send("undo"));
  const restart = button("Restart", "Take all moves back (Home)", () => view.send("restart"));
  const find = button(FIND, "", () => view.send(model.get("searching") ? "stop" : "find"));
  const play = button("Play", "Play the moves that lie ahead", () => view.send("play", { playing: !model.get("playing") }));
  const slider = node("input", { type: "range", min: 0, step: 1, "aria-label": "Position in the schedule",
    oninput: () => view.send("seek", { position: Number(slider.value) }) });
  const count = node("output", { class: "mte-mono mte-race-count" });
  const schedule = node("input", { class: "mte-entry", "aria-label": "Schedule", spellcheck: "false", autocomplete: "off",
    placeholder: "paste a schedule, such as 0110", onchange: () => view.send("go", { schedule: schedule.value }) });
  const copy = button("Copy", "Copy the schedule", async () => {
    schedule.select();
    try { await navigator.clipboard.writeText(schedule.value); } catch { document.execCommand("copy"); }
    copy.textContent = "Copied";
  });
  const found = node("p", { class: "mte-race-found", role: "status" });
  view.body.append(choices, words,
    node("div", { class: "mte-race-row" }, undo, restart, find, play, slider, count,
      node("div", { class: "mte-race-schedule" }, node("label", {}, "Schedule ", schedule), copy)), found);

  // ---- the places for what is drawn

  const verdict = node("p", { class: "mte-race-verdict", role: "status" });
  const memory = node("div", { class: "mte-race-memory", role: "group", "aria-label": "Memory" });
  const stage = node("div", { class: "mte-race-lanes", tabindex: 0, role: "group",
    "aria-label": "Lanes: the digit of a CPU makes its next step, arrow up takes a move back" });
  const keys = node("p", { class: "mte-muted mte-race-keys" });
  keys.append("Keys: ", node("kbd", {}, "0"), " ", node("kbd", {}, "1"), " … step that CPU, ", node("kbd", {}, "←"), " ",
    node("kbd", {}, "→"), " choose a CPU, ", node("kbd", {}, "↓"), " step it, ", node("kbd", {}, "↑"), " undo, ",
    node("kbd", {}, "Home"), " restart, ", node("kbd", {}, "Esc"), " pause. With arm: ", node("kbd", {}, "<"),
    " an older value, ", node("kbd", {}, "a"), " ", node("kbd", {}, "b"), " … a store becomes visible.");
  const table = node("table", { class: "mte-race-moves", "aria-label": "Moves that were made" });
  const box = node("div", { class: "mte-race-history", tabindex: 0, role: "group", "aria-label": "Moves" }, table);
  view.status.classList.add("mte-race-status"); // near the buttons: it says what the last of them did, or why not
  view.body.append(verdict, view.status, memory, stage, keys, box);

  view.root.addEventListener("keydown", (event) => {
    if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (/^\d$/.test(key)) step(Number(key), "");
    else if (key === "ArrowLeft" || key === "ArrowRight") choose(chosen + (key === "ArrowLeft" ? -1 : 1));
    else if (key === "ArrowDown") step(chosen, "");
    else if (key === "ArrowUp" || key === "Backspace") view.send("undo");
    else if (key === "Home") view.send("restart");
    else if (key === "Escape") view.send("play", { playing: false });
    else if (key === "<" || /^[a-z]$/.test(key)) step(chosen, key);
    else return;
    event.preventDefault();
  });

  function step(cpu, suffix) {
    choose(cpu);
    view.send("step", { cpu, suffix });
  }

  function choose(cpu) {
    chosen = clamp(cpu, 0, lanes.length - 1);
    lanes.forEach((lane, at) => { lane.root.dataset.chosen = at === chosen ? 1 : 0; });
  }

  // ---- lanes

  /** Text of a step, with what follows # in grey. */
  function stepText(text) {
    const [code, why] = text.split("  # ");
    return [node("code", {}, code), why ? node("span", { class: "mte-muted" }, ` ${why}`) : ""];
  }

  /** A line of source: its own indentation, kept where the line wraps. */
  function sourceLine([number, text]) {
    const indent = text.length - text.trimStart().length;
    return node("div", { "data-line": number, style: `padding-left:${indent + 4}ch;text-indent:-2ch` }, text.trim());
  }

  function buildLane(code, cpu) {
    const lane = { rows: code.rows.map((text) => node("li", {}, ...stepText(text))) };
    lane.sources = code.sources.map((source) => {
      const lines = source.lines.map(sourceLine);
      return { lines, root: node("div", { class: "mte-race-source", "aria-label": source.name }, ...lines) };
    });
    lane.state = node("span", { class: "mte-race-state" });
    lane.next = node("button", { class: "mte-button mte-race-next", type: "button", onclick: () => step(cpu, "") });
    lane.waits = node("p", { class: "mte-race-waits" });
    lane.more = node("div", { class: "mte-race-more" });
    lane.pending = node("div", { class: "mte-race-pending" });
    lane.arm = node("div", { class: "mte-race-arm" }, lane.more, lane.pending);
    lane.code = node("div", { class: "mte-race-code", tabindex: 0, role: "group", "aria-label": `Code of CPU ${cpu}` },
      ...lane.sources.map((source) => source.root));
    lane.root = node("section", { "aria-label": `CPU ${cpu}`, onmousedown: () => choose(cpu) },
      node("h4", {}, `CPU ${cpu}`, node("span", { class: "mte-muted" }, code.who), lane.state),
      lane.next, lane.waits, lane.arm,
      node("ol", { class: "mte-race-rows" }, ...lane.rows), lane.code);
    return lane;
  }

  function drawLane(lane, now, cpu) {
    const able = now.moves.some(([suffix]) => suffix === "");
    const state = now.ended ? "at its end" : able ? "may run" : "waits";
    lane.state.textContent = `${able ? "▶" : now.ended ? "■" : "‖"} ${state}`;
    lane.root.dataset.state = now.ended ? "ended" : able ? "able" : "waits";
    lane.next.setAttribute("aria-disabled", able ? "false" : "true");
    lane.next.setAttribute("aria-label", able ? `CPU ${cpu}: ${now.step}` : `CPU ${cpu} ${now.waits || state}`);
    lane.next.replaceChildren(...(now.ended ? ["nothing left to do"] : [node("kbd", {}, String(cpu)), " ", ...stepText(now.step)]));
    lane.waits.textContent = now.waits;
    lane.more.replaceChildren(...now.moves.filter(([suffix]) => suffix).map(([suffix, text]) => {
      const press = () => { step(cpu, suffix); stage.focus(); };
      return node("button", { class: "mte-button", type: "button", onclick: press, "aria-label": `CPU ${cpu}: ${text}` },
        node("kbd", {}, suffix), ` ${text.replace("becomes visible", "store becomes visible")}`);
    }));
    lane.arm.hidden = model.get("chosen").memory !== "arm";
    lane.pending.replaceChildren("Stores that only this CPU sees: ", ...(now.pending.length
      ? [node("ol", {}, ...now.pending.map((text) => node("li", {}, text)))] : ["none"]));
    lane.rows.forEach((row, at) => {
      row.dataset.at = at < now.row ? "done" : at === now.row ? "now" : "ahead";
      if (at === now.row) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
    });
    const inner = now.marks.length - 1;
    lane.sources.forEach((source, at) => source.lines.forEach((line) => {
      const mark = now.marks.findIndex(([which, number]) => which === at && number === Number(line.dataset.line));
      line.dataset.mark = mark < 0 ? "" : mark === inner ? "now" : "call";
      if (mark === inner && mark >= 0) scrolls.push(() => showIn(lane.code, line));
    }));
  }

  /** Scroll a box, and nothing around it, so that a child can be seen. */
  function showIn(area, child) {
    const top = child.getBoundingClientRect().top - area.getBoundingClientRect().top + area.scrollTop;
    if (top < area.scrollTop || top + child.offsetHeight > area.scrollTop + area.clientHeight)
      area.scrollTop = top - area.clientHeight / 3;
  }

  // ---- memory

  const lit = (changed) => ({ "data-changed": changed ? 1 : 0 });
  const mark = (changed) => (changed ? node("span", { class: "mte-race-new", title: "changed by the last move" }, " ◂") : "");

  function drawPage(page, theme, many) {
    const tags = page.tags.map(({ granule, tag, origin, changed }) => node("div", {
      class: "mte-race-tile", "data-origin": origin, role: "img", ...lit(changed),
      "aria-label": `granule ${granule}: tag ${hex(tag).toUpperCase()}, ${origin}`,
    }, node("b", { style: `--mte-race-fill:${theme.tags[tag]};color:${theme.digits[tag]}` }, node("i", {}, hex(tag).toUpperCase())),
    node("span", {}, `granule ${granule}`), node("span", { class: "mte-race-origin" }, origin, mark(changed))));
    const flags = page.flags.map(([name, set, changed]) => node("div", { class: "mte-race-flag", "data-on": set ? 1 : 0, ...lit(changed) },
      node("code", {}, name), set ? " ✓ set" : " – clear", mark(changed)));
    const entry = page.entry ? node("div", lit(page.entry[1]), `VMM's entry: ${page.entry[0] ? "present" : "none"}`, mark(page.entry[1])) : "";
    return node("section", { "aria-label": `Page ${page.pfn}` }, node("h4", {}, many ? `Page ${page.pfn}` : "The page"),
      node("div", { class: "mte-race-tags" }, ...tags), node("div", { class: "mte-race-flags" }, ...flags, entry));
  }

  function drawMemory(picture, theme) {
    const locks = picture.locks.map(([name, holder, changed]) => node("div", { "data-held": holder === null ? 0 : 1, ...lit(changed) },
      node("span", { "aria-hidden": "true" }, holder === null ? "○ " : "● "), name,
      holder === null ? ": free" : `: held by CPU ${holder}`, mark(changed)));
    memory.replaceChildren(...picture.pages.map((page) => drawPage(page, theme, picture.pages.length > 1)),
      node("section", { "aria-label": "Locks", class: "mte-race-locks" }, node("h4", {}, "Locks"), ...(locks.length ? locks : ["none"])));
  }

  // ---- the moves

  function drawTable(line, position, cpus) {
    if (drawn.line !== line || drawn.cpus !== cpus) {
      const head = node("tr", {}, node("th", { scope: "col" }, "#"),
        ...Array.from({ length: cpus }, (_, cpu) => node("th", { scope: "col" }, `CPU ${cpu}`)), node("th", { scope: "col" }, "What changed"));
      const start = row(0, ["at the start"], cpus, 0, "");
      table.replaceChildren(node("tbody", {}, head, start, ...line.map((move, at) => row(at + 1, stepText(move.text), cpus, move.cpu,
        [...Object.values(move.changes), move.trouble].filter(Boolean).join("; "), move.look))));
      drawn = { ...drawn, line, cpus };
    }
    [...table.querySelectorAll("tr")].slice(1).forEach((made, at) => {
      made.dataset.state = at < position ? "done" : at === position ? "now" : "ahead";
      if (at === position) { made.setAttribute("aria-current", "step"); scrolls.push(() => showIn(box, made)); } else made.removeAttribute("aria-current");
    });
  }

  function row(number, text, cpus, cpu, changed, look = "") {
    const cells = Array.from({ length: cpus }, (_, at) => node("td", {}, ...(at === cpu ? text : [""])));
    const go = node("button", { type: "button", class: "mte-race-goto", title: "Go to the state after this move",
      "aria-label": `Go to move ${number}` }, String(number));
    return node("tr", { "data-look": look, onclick: () => view.send("seek", { position: number }) },
      node("td", {}, go), ...cells, node("td", {}, look ? `${SIGN[look]} ` : "", changed));
  }

  // ---- all of it

  function drawChoices(picked) {
    for (const [name, values] of Object.entries(model.get("choices"))) {
      if (lists[name].length !== values.length) lists[name].replaceChildren(...values.map((value) => node("option", { value }, String(value))));
      lists[name].value = String(picked[name]);
    }
  }

  /** How far a search has come, with the button to stop it; or what the last one has found. */
  function drawSearch(searching, result) {
    find.textContent = searching ? "Stop the search" : FIND;
    find.title = searching ? "Give the search up and leave all as it is" : "Search every interleaving and play the shortest that is bad";
    found.setAttribute("aria-live", searching ? "off" : "polite"); // nobody wants every number read out
    found.dataset.look = searching ? "" : result.look ?? "";
    found.textContent = searching ? `… ${searching}` : result.words ? `${SIGN[result.look]} ${result.words}`
      : `Not searched yet: “${FIND}” tries every interleaving, and plays the shortest that is bad.`;
    found.classList.toggle("mte-muted", !searching && !result.words);
  }

  function draw(theme) {
    const picture = model.get("picture"), code = model.get("code"), line = model.get("line");
    const position = model.get("position"), picked = model.get("chosen");
    if (picture.lanes.length !== code.lanes.length) return; // between two messages
    drawChoices(picked);
    if (drawn.code !== code) {
      const focused = lanes.findIndex((lane) => lane.root.contains(stage.getRootNode().activeElement));
      lanes = code.lanes.map(buildLane);
      stage.replaceChildren(...lanes.map((lane) => lane.root));
      lanes[focused]?.next.focus();
      stage.style.setProperty("--mte-race-cpus", Math.min(lanes.length, 3));
      words.replaceChildren(node("b", {}, picked.protocol), `: ${code.protocol}`, node("br"), node("b", {}, picked.situation), `: ${code.situation}`);
      drawn = { ...drawn, code };
      choose(Math.min(chosen, lanes.length - 1));
    }
    picture.lanes.forEach((now, cpu) => drawLane(lanes[cpu], now, cpu));
    drawMemory(picture, theme);
    drawTable(line, position, picture.lanes.length);
    verdict.dataset.look = picture.look;
    verdict.textContent = `${picture.look ? `${SIGN[picture.look]} ` : ""}${picture.verdict}`;
    drawSearch(model.get("searching"), model.get("found"));
    undo.setAttribute("aria-disabled", position ? "false" : "true");
    restart.setAttribute("aria-disabled", position ? "false" : "true");
    play.setAttribute("aria-disabled", line.length ? "false" : "true");
    slider.max = line.length;
    slider.value = position;
    slider.disabled = !line.length;
    count.textContent = `${position} of ${line.length}`;
    slider.setAttribute("aria-valuetext", count.textContent);
    if (schedule.getRootNode().activeElement !== schedule || model.get("playing")) schedule.value = model.get("schedule");
    copy.textContent = "Copy";
    scrolls.forEach((scroll) => scroll());
    scrolls = [];
    keepTime(position);
  }

  /** While a schedule is played, ask for the next move once this one has been seen. */
  function keepTime(position) {
    const playing = model.get("playing");
    play.textContent = playing ? "Pause" : "Play";
    clearTimeout(clock);
    if (playing) clock = setTimeout(() => view.send("forward", { position }), 1000 * model.get("pace"));
  }

  for (const name of ["picture", "position", "chosen", "code", "line", "found", "searching", "playing"]) view.on(`change:${name}`, () => view.repaint());
  return () => {
    clearTimeout(clock);
    view.close();
  };
}

export default { render };
