#!/usr/bin/env python3
"""A small window that files can be dropped on: drop-target.py X Y.

Prints "ready" when it is on the screen and one line "dropped PATH" for each file dropped.
"""
import sys
import urllib.parse

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

x, y = int(sys.argv[1]), int(sys.argv[2])


def receive(_widget, context, _x, _y, data, _info, time):
    for uri in data.get_uris():
        print("dropped", urllib.parse.unquote(urllib.parse.urlparse(uri).path), flush=True)
    context.finish(True, False, time)


window = Gtk.Window(type=Gtk.WindowType.TOPLEVEL)
window.set_default_size(120, 60)
window.move(x, y)
area = Gtk.EventBox()
area.add(Gtk.Label(label="drop here"))
area.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
area.drag_dest_add_uri_targets()
area.connect("drag-data-received", receive)
window.add(area)
window.connect("map-event", lambda *_: print("ready", flush=True))
window.show_all()
Gtk.main()
