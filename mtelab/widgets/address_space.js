// The address space: a process on the left, its child on the right, and between them the frames that both map.

const PROTECTIONS = ["rw", "rwm", "r", "rm", "-"];
const EXAMPLES = ["mmap q 2 private anon rwm", "memfd f 2", "mmap s 2 shared f rwm", "mmap p 2 private f rw", "fork"];

function render(context) {
  const { model } = context;
  const view = new FigureView(context, { draw });
  view.body.classList.add("mte-space");
  let chosen = null;  // key of the page that the buttons act on
  let fresh = false;  // what the last step changed is not drawn yet
  let lit = null;  // key of the page or frame under the mouse or the focus
  const inputs = {};

  // ---- controls: each button writes a line of the scenario language

  const run = (line) => view.send("do", { line });
  const undo = view.button("Undo", "Take the last operation back", () => view.send("undo"));
  view.tools.prepend(undo);
  const kernel = node("select", {
    class: "mte-button", "aria-label": "Kernel", onchange: () => view.send("use", { kernel: kernel.value }),
  }, ...model.get("kernels").map((name) => node("option", {}, name)));
  view.tools.prepend(kernel);

  function pick(name, label, values) {
    const options = values.map((value) => node("option", {}, value));
    inputs[name] = node("select", { class: "mte-button mte-mono", "aria-label": label }, ...options);
    return node("label", {}, `${label} `, inputs[name]);
  }

  /** A button that does `make(region page)` to the chosen page, by its process. */
  function act(text, title, make) {
    return node("button", {
      class: "mte-button", type: "button", title,
      onclick: () => {
        const [process, region, page] = chosen.split(":");
        run(`${process === "child" ? "child " : ""}${make(`${region} ${page}`)}`);
      },
    }, text);
  }

  const digits = Array.from({ length: 16 }, (_, tag) => hex(tag));
  const tag = () => inputs.tag.selectedIndex;
  const byte = () => 0x10 + model.get("log").length % 0xf0;
  const target = node("b", {});
  const swapout = node("button", {
    class: "mte-button", type: "button", title: "Move the page to swap, for all who map it",
    onclick: () => run(`swapout ${chosen.split(":").slice(1).join(" ")}`),
  }, "swap out");
  const actions = node("div", { class: "mte-space-row", role: "group", "aria-label": "Do to the chosen page" },
    act("load", "Load a byte through a pointer with this tag", (at) => `load ${at} ${tag()}`),
    act("store", "Store a byte through a pointer with this tag", (at) => `store ${at} ${byte()} ${tag()}`),
    act("LDG", "Read the tag of this granule", (at) => `ldg ${at} ${inputs.granule.value}`),
    act("STG", "Give this granule this tag", (at) => `stg ${at} ${inputs.granule.value} ${tag()}`),
    act("dontneed", "Drop the page: madvise(MADV_DONTNEED)", (at) => `dontneed ${at} 1`),
    act("mprotect", "Change its protection", (at) => `mprotect ${at} 1 ${inputs.prot.value}`),
    act("munmap", "Unmap it", (at) => `munmap ${at} 1`),
    swapout,
  );
  const values = node("div", { class: "mte-space-row" },
    pick("tag", "tag", digits), pick("granule", "granule", digits.map((_, at) => String(at))),
    pick("prot", "protection", PROTECTIONS),
    node("button", { class: "mte-button", type: "button", title: "Make a child with a copy of the address space",
      onclick: () => run("fork") }, "fork"),
  );
  const list = `mte-space-${Math.random().toString(36).slice(2)}`;
  const typed = node("input", {
    class: "mte-entry", type: "text", "aria-label": "Operation", placeholder: EXAMPLES[0], list, spellcheck: "false",
  });
  const form = node("form", {
    class: "mte-space-row",
    onsubmit: (event) => {
      event.preventDefault();
      if (typed.value.trim()) run(typed.value);
      typed.select();
    },
  }, typed, node("button", { class: "mte-button", type: "submit" }, "Do"),
    node("datalist", { id: list }, ...EXAMPLES.map((value) => node("option", { value }))));
  const log = node("ol", { class: "mte-space-log mte-mono", tabindex: 0, "aria-label": "Operations and results" });
  view.body.append(node("div", { class: "mte-space-top" },
    node("div", { class: "mte-space-form" },
      node("div", {}, "Chosen: ", target), actions, values, form),
    log));

  // ---- the three columns, and the lines between them

  const columns = {};
  for (const [name, title] of [["parent", "Process"], ["frames", "Frames"], ["child", "Child"]]) {
    columns[name] = node("div", { class: "mte-space-column", role: "group", "aria-label": title });
  }
  const stage = node("div", { class: "mte-space-stage" }, columns.parent, columns.frames, columns.child);
  stage.insertAdjacentHTML("afterbegin", '<svg class="mte-space-links" aria-hidden="true"></svg>');
  const links = stage.firstElementChild;
  const legend = node("p", { class: "mte-muted" }, "◆ and a coloured edge: changed by the last step. T: the page table "
    + "entry is Normal Tagged. CoW: copy on write. Hatched tags: stale, left by an owner before. "
    + "f[1]: page 1 of file f. Click a page to choose it.");
  view.body.append(stage, legend);

  function chip(text, kind, title) {
    return node("span", { class: "mte-space-chip", "data-kind": kind, title }, text);
  }

  function item(part, attributes, ...children) {
    const isNew = model.get("changed").includes(part.key);
    return node("button", {
      class: "mte-space-item", type: "button", "data-key": part.key, "data-changed": isNew ? 1 : 0, "data-flash": isNew && fresh ? 1 : 0, ...attributes,
      onpointermove: (event) => { light(part.key); view.hover(part.words, event); },
      onpointerleave: () => { light(null); view.hover(""); },
      onfocus: () => light(part.key),
      onblur: () => light(null),
    }, node("span", { class: "mte-space-new", "aria-hidden": "true" }, isNew ? "◆" : ""), ...children);
  }

  function pageItem(page) {
    const where = { none: "–", "zero page": "zero page", present: `frame ${page.target}`, swapped: `slot ${page.target}` };
    return item(page, {
      "aria-pressed": String(page.key === chosen),
      "aria-label": `${page.process}, ${page.region} ${page.page}: ${page.words}`,
      onclick: () => { chosen = page.key; view.repaint(); },
    }, node("span", { class: "mte-mono" }, `${page.region} ${page.page}`), node("span", {}, where[page.state]),
      node("span", { class: "mte-mono" }, page.access), page.tagged ? chip("T", "good", "Normal Tagged") : "",
      page.cow ? chip("CoW", "warn", "a write makes a copy first") : "");
  }

  function region(name, pages) {
    const parts = [];
    let said = null;
    for (const page of pages) {
      // Of a file only the first page's place is said: "f[0]" and "f[1]" follow each other in one mapping.
      const kind = page.vma.replace(/\[\d+\]/, "");
      if (kind !== said) parts.push(node("h5", {}, node("b", { class: "mte-mono" }, name), ` ${page.vma}`));
      said = kind;
      parts.push(pageItem(page));
    }
    return node("div", { class: "mte-space-region" }, ...parts);
  }

  function heldItem(part, theme) {
    const isSlot = part.kind === "swap";
    const name = isSlot ? `swap slot ${part.number}` : `frame ${part.number}`;
    const strip = node("span", { class: "mte-space-strip", "data-stale": part.stale ? 1 : 0 });
    for (const one of part.tags) {
      const square = node("i", {}, hex(one));
      square.style.setProperty("--mte-space-fill", theme.tags[one]);
      square.style.color = theme.digits[one];
      strip.append(square);
    }
    const saved = part.tags.length ? "tags saved in 128 bytes" : "no tags saved";
    return item(part, { "aria-label": `${name}: ${part.words}`, "data-kind": part.kind },
      node("span", { class: "mte-space-line" }, node("b", {}, name), node("span", {}, isSlot ? "" : `${part.kind} ${part.file}`),
        node("span", { class: "mte-mono" }, part.kind === "zero page" ? "" : `ref ${part.refcount}`),
        node("span", { class: "mte-mono" }, `data ${hex(part.data, 2)}`)),
      node("span", { class: "mte-space-line" }, strip, part.stale ? node("span", { class: "mte-muted" }, "stale") : ""),
      node("span", { class: "mte-space-line" },
        ...part.flags.map((flag) => chip(flag, flag === "PG_mte_tagged" ? "good" : "plain", "page flag")),
        part.flags.length ? "" : node("span", { class: "mte-muted" }, isSlot ? saved : "no tag flag")));
  }

  /** Keys of everything that hangs together with `key`: a frame with all its pages, a page with all who share it. */
  function family(key) {
    const held = model.get("picture").held;
    const home = held.find((part) => part.key === key || part.users.includes(key));
    return home ? [home.key, ...home.users] : key ? [key] : [];
  }

  function light(key) {
    if (lit === key) return;
    lit = key;
    paintLight();
  }

  function paintLight() {
    const bright = new Set(family(lit ?? chosen));
    for (const part of stage.querySelectorAll("[data-key]")) part.dataset.lit = bright.has(part.dataset.key) ? 1 : 0;
    for (const path of links.children) path.dataset.lit = bright.has(path.dataset.user) ? 1 : 0;
  }

  function drawLinks(again = true) {
    const box = stage.getBoundingClientRect();
    if (!box.width && again) {
      // JupyterLab takes the page out for a moment while it changes its theme.
      requestAnimationFrame(() => { drawLinks(false); paintLight(); });
      return;
    }
    const place = (key) => stage.querySelector(`[data-key="${key}"]`)?.getBoundingClientRect();
    const paths = [];
    for (const part of model.get("picture").held) {
      const frame = place(part.key);
      for (const user of part.users) {
        const page = place(user), right = user.startsWith("child");
        const [x1, x2] = right ? [page.left, frame.right] : [page.right, frame.left];
        const y1 = page.top + page.height / 2 - box.top, y2 = frame.top + frame.height / 2 - box.top;
        const [a, b] = [x1 - box.left, x2 - box.left], middle = (a + b) / 2;
        const path = document.createElementNS(links.namespaceURI, "path");
        path.setAttribute("d", `M${a} ${y1}C${middle} ${y1} ${middle} ${y2} ${b} ${y2}`);
        path.dataset.user = user;
        paths.push(path);
      }
    }
    links.replaceChildren(...paths);
  }

  function draw(theme) {
    const { processes, held } = model.get("picture");
    const pages = Object.values(processes).flatMap((regions) => Object.values(regions).flat());
    if (!pages.some((page) => page.key === chosen)) chosen = pages[0]?.key ?? null;
    const focused = context.el.getRootNode().activeElement?.dataset?.key;
    for (const [name, title] of [["parent", "Process"], ["child", "Child"]]) {
      const regions = Object.entries(processes[name] ?? {});
      const empty = name === "child" && !processes.child ? "No child yet: fork makes one." : "Nothing is mapped yet.";
      columns[name].replaceChildren(node("h4", {}, title), ...(regions.length
        ? regions.map(([region_name, list_of_pages]) => region(region_name, list_of_pages))
        : [node("p", { class: "mte-muted" }, empty)]));
    }
    columns.frames.replaceChildren(node("h4", {}, "Frames: data, first 16 tags, flags"),
      ...held.map((part) => heldItem(part, theme)));
    if (focused) stage.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
    log.replaceChildren(...model.get("log").map(([line, result]) =>
      node("li", {}, line, node("b", {}, ` ${result}`))));
    log.scrollTop = log.scrollHeight;
    kernel.value = model.get("kernel");
    target.textContent = chosen ? chosen.replaceAll(":", " ") : "no page; type mmap below";
    for (const button of actions.children) button.disabled = !chosen;
    swapout.disabled = !chosen || chosen.startsWith("child");
    drawLinks();
    paintLight();
    fresh = false;
  }

  for (const name of ["picture", "log", "changed", "kernel"]) {
    view.on(`change:${name}`, () => { fresh = true; view.repaint(); });
  }
  return () => view.close();
}

export default { render };
