#!/usr/bin/env python3
"""A small window of another program: drag-partner.py give X Y FILE, or drag-partner.py take X Y.

Prints "ready" when it is on the screen. FILE can be dragged out of a giving one, which prints "sent" when its data was asked for;
a taking one prints a line "dropped PATH" for each file dropped on it.
"""
import pathlib
import sys
import urllib.parse

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

what, x, y = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def hand_over(_widget, _context, data, _info, _time):
    data.set_uris([pathlib.Path(sys.argv[4]).as_uri()])
    print("sent", flush=True)


def receive(_widget, context, _x, _y, data, _info, time):
    for uri in data.get_uris():
        print("dropped", urllib.parse.unquote(urllib.parse.urlparse(uri).path), flush=True)
    context.finish(True, False, time)


# An ordinary window: Chromium looks for drop targets among those.
window = Gtk.Window(type=Gtk.WindowType.TOPLEVEL)
window.set_default_size(120, 60)
window.move(x, y)
area = Gtk.EventBox()
area.add(Gtk.Label(label=what))
if what == "give":
    area.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
    area.drag_source_add_uri_targets()
    area.connect("drag-data-get", hand_over)
else:
    area.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
    area.drag_dest_add_uri_targets()
    area.connect("drag-data-received", receive)
window.add(area)
window.connect("map-event", lambda *_: print("ready", flush=True))
window.show_all()
Gtk.main()
