// The browser half that every figure shares. THEMES comes from theme.py, put in front of this file.

/** The bytes of a `Bytes` trait, without a copy. */
function bytes(model, name) {
  const view = model.get(name);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Make an element: node("button", {class: "x", onclick: f}, "text", child...). */
function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const hex = (value, digits = 1) => value.toString(16).padStart(digits, "0");
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Light or dark: JupyterLab says so on <body>; elsewhere the system does. */
function modeNow() {
  const said = document.body.dataset.jpThemeLight;
  if (said !== undefined) return said === "false" ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/**
 * The frame of a figure: title, tools, body, status line; theme and clean-up.
 *
 * `draw(theme)` is called after `repaint()`, when the theme changes and on resize.
 */
class FigureView {
  constructor({ model, el }, { draw, reset = true }) {
    this.model = model;
    this.draw = draw;
    this.undo = [];
    this.sliders = new WeakSet(); // whose values are told
    this.tools = node("div", { class: "mte-tools" });
    this.body = node("div", { class: "mte-body" });
    this.title = node("div", { class: "mte-title" });
    this.status = node("div", { class: "mte-status", role: "status", "aria-live": "polite" });
    this.root = node(
      "div",
      // JupyterLab's own shortcuts must not see the keys that a figure uses.
      { class: "mte-figure", role: "group", "data-lm-suppress-shortcuts": "true" },
      node("div", { class: "mte-head" }, this.title, this.tools),
      this.body,
      this.status,
    );
    // Nor must the notebook, which takes the arrow keys from sliders and lists.
    this.root.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
    });
    this.root.addEventListener("pointerdown", (down) => this.keep(down));
    if (reset) this.button("Reset", "Back to the start", () => this.send("reset"));
    this.hint = node("div", { class: "mte-hover", hidden: true });
    this.root.append(this.hint);
    el.append(this.root);

    this.on("change:title", () => this.label());
    this.on("change:status", () => this.label());
    this.label();
    const themes = new MutationObserver(() => this.changeTheme());
    themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => this.changeTheme();
    system.addEventListener("change", changed);
    // A drawing may change the size that is being reported: wait for the next frame.
    const sizes = new ResizeObserver(() => requestAnimationFrame(() => this.repaint()));
    sizes.observe(this.root);
    // Only when the figure is in view are its neighbours sure to be in the page.
    const views = new IntersectionObserver(() => this.nameSliders());
    views.observe(this.root);
    this.undo.push(() => themes.disconnect(), () => sizes.disconnect(), () => views.disconnect());
    this.undo.push(() => system.removeEventListener("change", changed));
    this.paintTheme();
  }

  label() {
    this.title.textContent = this.model.get("title");
    this.root.setAttribute("aria-label", this.model.get("title"));
    this.status.textContent = this.model.get("status");
  }

  /** Listen to the model until the figure goes away. */
  on(name, handler) {
    this.model.on(name, handler);
    this.undo.push(() => this.model.off(name, handler));
  }

  /** Tell Python what happened; a buffer may carry an array. */
  send(event, fields = {}, buffer = null) {
    this.model.send({ event, ...fields }, undefined, buffer ? [buffer] : undefined);
  }

  /**
   * Click the button that was pressed although it left the mouse, which lay still, before the release.
   *
   * A notebook jumps to its last cell soon after *Run All*, and grows above the figure while cells run; the browser
   * takes what was released elsewhere for no click.
   */
  keep(down) {
    const pressed = down.target.closest("button");
    if (!pressed || down.button !== 0) return;
    const ended = new AbortController();
    const release = (up) => {
      if (up.pointerId !== down.pointerId) return;
      ended.abort();
      const moved = Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY);
      if (up.type === "pointerup" && moved < 4 && !up.composedPath().includes(pressed)) pressed.click();
    };
    for (const end of ["pointerup", "pointercancel"]) {
      document.addEventListener(end, release, { capture: true, signal: ended.signal });
    }
  }

  /** Tell screen readers what ipywidgets' sliders and choices beside the figure show: they do not. */
  nameSliders() {
    const box = this.root.closest(".widget-vbox");
    for (const slider of box?.querySelectorAll(".widget-inline-hbox:has(.noUi-handle)") ?? []) {
      const name = slider.querySelector(".widget-label").textContent;
      slider.querySelector(".noUi-handle").setAttribute("aria-label", name);
      if (!this.sliders.has(slider)) this.tellValue(slider, name);
    }
    for (const choice of box?.querySelectorAll(".widget-toggle-button") ?? []) {
      choice.setAttribute("aria-pressed", choice.classList.contains("mod-active"));
    }
  }

  /** Keep the value that a slider tells at what it shows: of a list's entries it would tell the number. */
  tellValue(slider, name) {
    this.sliders.add(slider);
    const [handle, shown] = [slider.querySelector(".noUi-handle"), slider.querySelector(".widget-readout")];
    shown.setAttribute("role", "textbox");  // a value can be typed there
    shown.setAttribute("aria-label", `${name}, typed`);
    const tell = () => handle.setAttribute("aria-valuetext", shown.textContent);
    const changes = new MutationObserver(tell);
    changes.observe(shown, { childList: true, characterData: true, subtree: true });
    this.undo.push(() => changes.disconnect());
    tell();
  }

  button(text, title, press) {
    const made = node("button", { class: "mte-button", type: "button", title, onclick: press }, text);
    this.tools.append(made);
    return made;
  }

  get theme() {
    return THEMES[this.mode];
  }

  paintTheme() {
    this.mode = modeNow();
    this.root.dataset.mode = this.mode;
    const { tags, digits, series, sans, mono, ...chrome } = this.theme;
    for (const [name, value] of Object.entries(chrome)) this.root.style.setProperty(`--mte-${name}`, value);
    this.root.style.setProperty("--mte-sans", sans);
    this.root.style.setProperty("--mte-mono", mono);
    this.repaint();
  }

  /** Paint the new theme now, and once more when the page has settled: widths are not to be had while it changes. */
  changeTheme() {
    this.paintTheme();
    requestAnimationFrame(() => this.repaint());
  }

  /** Draw when the event at hand has been handled; many calls before that make one drawing. */
  repaint() {
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      if (this.closed) return;
      this.draw(this.theme);
      this.nameSliders();
    });
  }

  /** Show what is under the mouse, beside it and inside the figure; null hides it. */
  hover(text, event) {
    this.hint.hidden = !text;
    if (!text) return;
    this.hint.textContent = text;
    const box = this.root.getBoundingClientRect();
    const left = clamp(event.clientX - box.left + 14, 4, box.width - this.hint.offsetWidth - 4);
    const below = event.clientY - box.top + 18;
    const above = event.clientY - box.top - this.hint.offsetHeight - 10;
    this.hint.style.left = `${left}px`;
    this.hint.style.top = `${below + this.hint.offsetHeight < box.height ? below : above}px`;
  }

  /** A canvas that is sharp on every screen and takes the keyboard's focus. */
  canvas(label) {
    const made = node("canvas", { class: "mte-canvas", tabindex: 0, role: "img", "aria-label": label });
    this.body.append(made);
    return made;
  }

  /** Size a canvas in CSS pixels and return its context, ready to draw in them. */
  context(canvas, width, height) {
    const scale = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const g = canvas.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, width, height);
    return g;
  }

  close() {
    this.closed = true;
    this.undo.forEach((step) => step());
  }
}

/** A tag's tile: its colour and its hex digit. */
function tile(g, theme, tag, x, y, size) {
  g.fillStyle = theme.tags[tag];
  g.fillRect(x, y, size, size);
  g.fillStyle = theme.digits[tag];
  g.font = `600 ${Math.round(size * 0.5)}px ${theme.mono}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  g.fillText(hex(tag), x + size / 2, y + size / 2 + 1);
}
