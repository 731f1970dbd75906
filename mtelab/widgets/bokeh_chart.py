"""A Bokeh chart in a notebook, offline: BokehJS comes from the installed package, once a page.

jupyter_bokeh's `BokehModel` keeps a chart and its Python model in step, but expects BokehJS to be on the page,
and sends a reloaded page the chart as it was first made. `BokehChart` mends both: each time a browser opens it,
it hands BokehJS over if the page has none, and sends the chart as it is now, in the page's light or dark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import traitlets
from bokeh.document.events import DocumentPatchedEvent
from bokeh.models import Axis, GlyphRenderer, Grid, LayoutDOM, Legend, Plot
from bokeh.protocol import Protocol
from bokeh.resources import Resources
from ipywidgets import widget_serialization
from jupyter_bokeh import BokehModel

from mtelab.widgets import theme
from mtelab.widgets.figure import Figure


@cache
def _bokehjs() -> bytes:
    """BokehJS from the installed package, about a megabyte of JavaScript."""
    return "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw).encode()


def style(layout: LayoutDOM, mode: str) -> None:
    """Give Bokeh plots the colours of `mode` (``"light"`` or ``"dark"``) and the house's type."""
    colours = theme.CHROME[mode]
    for plot in layout.select({"type": Plot}):
        plot.background_fill_color = colours["page"]
        plot.border_fill_color = colours["page"]
        plot.outline_line_color = colours["line"]
        plot.title.text_font = theme.SANS
        plot.title.text_color = colours["ink"]
    for axis in layout.select({"type": Axis}):
        axis.axis_label_text_font = axis.major_label_text_font = theme.SANS
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_color = axis.major_label_text_color = colours["ink"]
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = colours["line"]
    for grid in layout.select({"type": Grid}):
        grid.grid_line_color = colours["line"]
        grid.grid_line_alpha = 0.5
    for legend in layout.select({"type": Legend}):
        legend.label_text_font = theme.SANS
        legend.label_text_color = colours["ink"]
        legend.background_fill_color = colours["page"]
        legend.background_fill_alpha = 0.85
        legend.border_line_color = colours["line"]


def lighten(layout: LayoutDOM) -> None:
    """Take away the looks of glyphs that nobody selects or mutes: BokehJS styles each of them for every drawing."""
    for renderer in layout.select({"type": GlyphRenderer}):
        renderer.nonselection_glyph = renderer.selection_glyph = None
        renderer.muted_glyph = renderer.hover_glyph = None


class _Model(BokehModel):  # type: ignore[misc]  # jupyter_bokeh's class is Any to mypy
    """A `BokehModel` that can send many changes in one message: a browser then lays out and draws once."""

    _held: list[DocumentPatchedEvent] | None = None

    def _document_patched(self, event: DocumentPatchedEvent) -> None:
        if self._held is None or event.setter is self:
            super()._document_patched(event)
        else:
            self._held.append(event)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keep the changes made meanwhile, and send them at the end."""
        self._held = []
        try:
            yield
        finally:
            events, self._held = self._held, None
            if events:
                message = Protocol().create("PATCH-DOC", events)
                for part in (message.header_json, message.metadata_json, message.content_json):
                    self.send({"msg": "patch", "payload": part})
                for buffer in message.buffers:
                    self.send({"msg": "patch", "payload": json.dumps(buffer.ref)})
                    self.send({"msg": "patch"}, [buffer.to_bytes()])


class BokehChart(Figure):
    """A Bokeh plot with the frame of every figure: title, reset, status line, light and dark.

    Change the plot's models from Python (``source.data = ...``) and every open browser follows.

    Parameters
    ----------
    plot : bokeh.models.LayoutDOM
        The chart, or several side by side, made without toolbars. Ranges should be explicit, so that `reset` can
        return to them.
    title : str
        What the chart shows.
    text : str
        The chart in words, for screen readers; keep it in step through the trait of the same name.
    """

    script = "bokeh_chart.js"

    chart = traitlets.Instance(BokehModel).tag(sync=True, **widget_serialization)
    text = traitlets.Unicode("").tag(sync=True)

    buttons = traitlets.Dict().tag(sync=True)
    """More buttons beside Reset: what each says, and what it does in words."""

    def __init__(self, plot: LayoutDOM, *, title: str, text: str = "") -> None:
        self.plot = plot
        self.mode = "light"
        lighten(plot)
        axes = [axis for one in plot.select({"type": Plot}) for axis in (one.x_range, one.y_range)]
        self._axes = list({axis.id: axis for axis in axes if hasattr(axis, "start")}.values())
        self.keep_ranges()
        self.paint(self.mode)
        super().__init__(title=title, text=text, chart=_Model(plot, combine_events=True))

    def paint(self, mode: str) -> None:
        """Colour the plot for `mode`; a subclass that has series of its own colours them here too."""
        style(self.plot, mode)

    def keep_ranges(self) -> None:
        """Let `reset` return to the ranges as they are now."""
        self._ranges = [(axis, axis.start, axis.end) for axis in self._axes]

    def together(self) -> AbstractContextManager[None]:
        """Send all changes made in a ``with`` statement in one message."""
        return self.chart.together() if self.trait_has_value("chart") else nullcontext()

    def on_bokehjs(self) -> None:
        """Handle a page that has no BokehJS yet."""
        self.send({"answer": "bokehjs"}, [_bokehjs()])

    def on_open(self, mode: str) -> None:
        """Handle a browser that is about to draw: send it the chart as it is now."""
        self.on_mode(mode)
        self.send({"answer": "open"})

    def on_mode(self, mode: str) -> None:
        """Handle a change between light and dark."""
        if mode not in theme.CHROME:
            raise ValueError(f"mode: {mode!r}, expected one of {', '.join(theme.CHROME)}")
        self.mode = mode
        self.paint(mode)
        # The whole chart anew: BokehJS repaints a changed border over the old one's edge.
        self.chart.update_from_model(self.plot)

    def reset(self) -> None:
        """Return to the ranges that the chart was made with, or that were kept last."""
        for axis, start, end in self._ranges:
            axis.start, axis.end = start, end

    def describe(self) -> str:
        """Say what the chart shows."""
        return self.title
