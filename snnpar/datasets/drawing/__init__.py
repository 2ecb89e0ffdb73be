"""How a labelled pedestrian is drawn: attributes, appearance, body, clothes, things carried, scene."""
