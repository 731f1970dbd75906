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

/** BokehJS, once a page: the first chart fetches it, the others wait for that. */
function bokehLoaded(view) {
  globalThis.mtelabBokeh ??= (async () => {
    if (globalThis.Bokeh) return;
    const [code] = await ask(view, "bokehjs");
    document.head.append(node("script", {}, new TextDecoder().decode(code)));
  })();
  return globalThis.mtelabBokeh;
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
  place.append(child.el);
  return () => { view.close(); child.remove(); };
}

export default { render };
