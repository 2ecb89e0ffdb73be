"""Interactive views: each an ES module with markup and style, and the Python that makes its data of the nouns.

A view knows no toolkit. `mount(root, host)` of its view.js draws into a root, shows what `update(data)` is given, and
asks its host by `host.ask(name, argument)` for what the browser cannot know. shared: what the modules have in common.
linking: modules as one script, for hosts that cannot serve files. encode: images and arrays as text. reading, image:
what a view is given. time_bar, raster, ledger, occluder, cropper: the views.
"""
