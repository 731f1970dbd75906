"""What the browser tests run in the page."""

from __future__ import annotations

# What is drawn now, as one number: every canvas below the node, squeezed to 40 rows so that looking costs little.
PIXELS = """(root) => {
  const [width, height] = [1000, 40];
  globalThis.looking ??= new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  let sum = 0, canvases = 0;
  const scan = (node) => {
    if (node.tagName === 'CANVAS' && node.width > 20) {
      canvases++;
      looking.clearRect(0, 0, width, height);
      looking.drawImage(node, 0, 0, node.width, height);
      const pixels = new Int32Array(looking.getImageData(0, 0, width, height).data.buffer);
      for (let i = 0; i < pixels.length; i++) sum = (Math.imul(sum, 31) + pixels[i]) | 0;
    }
    if (node.shadowRoot) [...node.shadowRoot.children].forEach(scan);
    [...node.children].forEach(scan);
  };
  scan(root);
  return canvases ? sum : null;
}"""

# Ways to move a control once: an arrow key on a slider of ipywidgets, a step of a native slider.
KEY = """control.dispatchEvent(new KeyboardEvent('keydown',
  {key: back ? 'ArrowLeft' : 'ArrowRight', bubbles: true, cancelable: true}))"""
SLIDE = """control.value = Number(control.value) + (back ? -1 : 1) * Number(control.step || 1);
  control.dispatchEvent(new Event('input', {bubbles: true}))"""

# The notebook in front has a kernel, and the kernel has nothing to do.
IDLE = "() => jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"

# All cells of the notebook in front are in the page: JupyterLab adds those out of sight one by one, when it has time.
# Run All before that, and the page jumps to the last cell when that has come, under the mouse of whoever clicks.
WHOLE = """() => {
  const cells = jupyterapp?.shell.currentWidget?.content?.widgets ?? [];
  return cells.length > 0 && cells.every((cell) => cell.isAttached && !cell.isPlaceholder());
}"""

# Every cell has been run, and what the cells show has been drawn.
RUN = """() => {
  const {content} = jupyterapp.shell.currentWidget;
  const code = content.widgets.map((cell) => cell.model).filter((cell) => cell.type === 'code');
  const counted = code.filter((cell) => cell.sharedModel.source.trim()).every((cell) => cell.executionCount !== null);
  const outputs = [...content.node.querySelectorAll('.jp-OutputArea-output')];
  return counted && outputs.every((output) => output.firstElementChild || output.textContent !== 'Loading widget...');
}"""

# Scroll to a node until it stays where it is: cells out of sight get their height only when they come near.
SCROLL = """async (root) => {
  let last = null;
  for (let frame = 0, still = 0; frame < 600 && still < 5; frame++) {
    root.scrollIntoView({block: 'center'});
    await new Promise(requestAnimationFrame);
    const {x, y, width, height} = root.getBoundingClientRect();
    const now = [x, y, width, height].join();
    still = width && now === last ? still + 1 : 0;
    last = now;
  }
}"""

# What a line of code prints, or the name of the exception it raises, in the kernel of the notebook in front.
PRINTED = """async (code) => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code});
  let printed = '';
  future.onIOPub = ({content}) => { printed += content.text ?? content.ename ?? ''; };
  await future.done;
  return printed.trim();
}"""

# Milliseconds from each of some moves of a control to the first frame in which what is shown has changed.
REPAINTS = """async ([control, root, act, shown, moves, drawn, limit]) => {
  const pixels = new Function('return ' + drawn)();
  const look = new Function('root', 'pixels', `return ${shown}`);
  const doOnce = new Function('control', 'move', 'back', act);
  const times = [];
  for (let move = 0; move < moves; move++) {
    // What the move before has set going ends first, and is not taken for what this one does.
    for (let still = 0, frame = 0, last = null; still < 4 && frame < 120; frame++) {
      await new Promise(requestAnimationFrame);
      const now = look(root, pixels);
      still = now === last ? still + 1 : 0;
      last = now;
    }
    const before = look(root, pixels), start = performance.now();
    doOnce(control, move, Math.floor(move / 6) % 2 === 1);
    let now = start;
    do {
      await new Promise(requestAnimationFrame);
      now = performance.now();
      if (now - start > limit) throw new Error(`move ${move} changed nothing`);
    } while (look(root, pixels) === before);
    times.push(now - start);
  }
  return times;
}"""

# Go on by a screenful, and say whether the last cell has been seen to its end.
TURN = """async (outer) => {
  const frame = () => new Promise(requestAnimationFrame);
  const ends = () => jupyterapp.shell.currentWidget.content.widgets.at(-1).node.getBoundingClientRect().bottom;
  if (ends() <= outer.getBoundingClientRect().bottom) return true;
  outer.scrollTop += outer.clientHeight * 0.95;
  for (let frames = 0; frames < 4; frames++) await frame();
  return false;
}"""
