// A Bokeh chart: fetch BokehJS from Python if the page has none, then show jupyter_bokeh's view of the chart.

/** Ask Python, and wait for its answer of the same name. */
function ask(view, event, fields = {}) {
  return new Promise((resolve) => {
    const answered = (content, buffers) => {
      if (content.answer !== event) return;
      view.model.off("msg:custom", answered);
      resolve(buffers);
    };
    view.model.on("msg:custom", answered);
    view.send(event, fields);
  });
}

/**
 * Leave a style sheet alone that would be replaced by the same. BokehJS gives each part of a drawing a sheet for its
 * place at each paint, and asks for its styles: the browser would style the page anew for every part, moved or not.
 */
function keepStyles() {
  const sheet = globalThis.Bokeh.require("core/dom").InlineStyleSheet.prototype;
  const update = sheet._update;
  sheet._update = function (css) {
    if (css !== this.css) update.call(this, css);
  };
}

/** BokehJS, once a page: the first chart fetches it, the others wait for that. */
function bokehLoaded(view) {
  globalThis.mtelabBokeh ??= (async () => {
    if (globalThis.Bokeh) return;
    const [code] = await ask(view, "bokehjs");
    document.head.append(node("script", {}, new TextDecoder().decode(code)));
    keepStyles();
  })();
  return globalThis.mtelabBokeh;
}

/**
 * Let the view tell Python of zooms only. It would echo every change that has come from Python, whole columns of data
 * among them, and the sizes that Bokeh finds; each would keep the kernel busy, and an echo that is late undo what is new.
 */
function onlyZooms(child) {
  const tell = child._change_event.bind(child);
  child._change_event = (event) => {
    if (!child._blocked && (event.attr === "start" || event.attr === "end")) tell(event);
  };
}

/** Take Bokeh's drawings out of the Tab order: they answer no key, and have neither name nor ring. */
function outOfTabOrder(place) {
  const added = new MutationObserver((records) => records.forEach((record) => record.addedNodes.forEach(look)));
  const watch = (root) => added.observe(root, { childList: true, subtree: true });
  function look(element) {
    if (element.tabIndex === 0) element.tabIndex = -1;
    if (element.shadowRoot) {
      watch(element.shadowRoot);
      [...element.shadowRoot.children].forEach(look);
    }
    [...(element.children ?? [])].forEach(look);
  }
  watch(place);
  return () => added.disconnect();
}

async function render(context) {
  const { model } = context;
  let mode = null, child = null;
  const view = new FigureView(context, { draw });
  const place = node("div", { class: "mte-chart", role: "img" });
  view.body.append(place);
  for (const [text, title] of Object.entries(model.get("buttons"))) {
    view.button(text, title, () => view.send("press", { button: text }));
  }

  function draw() {
    place.setAttribute("aria-label", `${model.get("title")}. ${model.get("text")}`);
    if (child && mode !== view.mode) view.send("mode", { mode: view.mode });
    mode = view.mode;
  }

  view.on("change:text", () => view.repaint());
  await bokehLoaded(view);
  await ask(view, "open", { mode: view.mode });
  const manager = model.widget_manager;
  child = await manager.create_view(await manager.get_model(model.get("chart").slice("IPY_MODEL_".length)));
  onlyZooms(child);
  const forget = outOfTabOrder(place);
  place.append(child.el);
  return () => { forget(); view.close(); child.remove(); };
}

export default { render };
