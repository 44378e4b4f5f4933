#!/usr/bin/env python3
"""A small window that another program's file can be dragged out of: drag-source.py FILE X Y.

Prints "ready" when it is on the screen and "sent" when its data was asked for.
"""
import pathlib
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

path, x, y = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def hand_over(_widget, _context, data, _info, _time):
    data.set_uris([pathlib.Path(path).as_uri()])
    print("sent", flush=True)


window = Gtk.Window(type=Gtk.WindowType.TOPLEVEL)
window.set_default_size(120, 60)
window.move(x, y)
area = Gtk.EventBox()
area.add(Gtk.Label(label="drag me"))
area.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
area.drag_source_add_uri_targets()
area.connect("drag-data-get", hand_over)
window.add(area)
window.connect("map-event", lambda *_: print("ready", flush=True))
window.show_all()
Gtk.main()
