"""The image that is on instead of a sample: a file, the camera, or one of a dataset; and what a link says of it.

image=sha256-DIGEST is a file by the start of its SHA-256; the file itself is in no link, so that whoever opens one is
asked for it. image=data-SET-FILE-PIXELS is one of a dataset, by the starts of its data hash, of its name's SHA-256 and
of the image's digest; it is found where an evaluation or a slice of that data is. `of` names the data for people.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from weakref import WeakSet

import numpy as np
import streamlit as st
from cachetools import TTLCache

from pages.ui import moment, state
from pages.ui.server import access
from pages.ui.server.computing import turn
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.datasets import PedestrianSplit
from snnpar.evaluation.evaluations import find_images
from snnpar.images.decoder import DECODER
from snnpar.images.pixels import FOREIGN_SUFFIXES, SUFFIXES, ImageError
from snnpar.views.image import InputImage

FILE, DATA = "sha256", "data"
DIGITS, SHOWN = 24, 8  # of a digest in a link; of one in words
SET_DIGITS = 16
_ID = re.compile(rf"{FILE}-[0-9a-f]{{{DIGITS}}}|{DATA}(-[0-9a-f]{{{SET_DIGITS}}}){{3}}")
ACCEPTED = [*SUFFIXES, *FOREIGN_SUFFIXES]  # the latter are told what to do, which a refusal by name does not
PIXELS_BYTES, PIXELS_S = 250_000_000, 120.0  # of all sessions' decoded images, the largest of which has 120 MB
_PIXELS = TTLCache(PIXELS_BYTES, PIXELS_S, getsizeof=lambda pixels: pixels.nbytes)
_PIXELS_LOCK = threading.Lock()
_FILES: WeakSet[OwnImage] = WeakSet()


@dataclass(frozen=True, eq=False)
class OwnImage:
    """`id` as in the link; a file is its bytes, whose pixels are kept for a while only."""

    id: str
    name: str
    content: bytes | InputImage
    source: str = ""  # the widget that it came from
    of: str = ""  # the data that it is one of, in words

    def __post_init__(self) -> None:
        _FILES.add(self)

    def image(self) -> InputImage:
        """Its pixels may be decoded anew whenever they are asked for, which raises ImageError."""
        if isinstance(self.content, InputImage):
            return self.content
        return InputImage(self.name, self.id, lambda: _decoded(self))


def wanted() -> str:
    """The image that link and bar name, by its id; "" for a sample. What no link says is taken out of this one."""
    text = moment.recall("image")
    moment.recall("of", linked=text != "")
    if text and not _ID.fullmatch(text):
        moment.keep("image", "")
        return ""
    return text


def on() -> OwnImage | None:
    """The image that is on; None for a sample, and while the link's image is not here."""
    wish, own = wanted(), st.session_state.get(state.OWN)
    if not wish:
        return None
    if own is None and wish.startswith(DATA):
        own = st.session_state[state.OWN] = _find(wish)
    return own if own and own.id == wish else None


def label() -> str:
    """What the bar calls the image that is on or can be gone back to; "" if there is none."""
    own, wish = st.session_state.get(state.OWN), wanted()
    if wish and (own is None or own.id != wish):
        return f"the link's image {_start(wish)}…"
    return own.name if own else ""


def put_on(own: OwnImage) -> None:
    """Show this image, and name it in the link."""
    st.session_state[state.OWN] = own
    _name(own.id, own.of)


def put_on_again() -> None:
    """The image that was on before a sample."""
    if state.OWN in st.session_state:
        put_on(st.session_state[state.OWN])


def take_off() -> None:
    """Show a sample; the image can be gone back to."""
    _name("", "")


def _name(id: str, of: str) -> None:
    """Have the link name another image, with the box that was chosen for that one."""
    boxes = st.session_state.setdefault(state.BOXES, {})
    boxes[wanted()] = moment.recall("crop")
    for name, value in {"image": id, "of": of, "crop": boxes.get(id, "") if id else ""}.items():
        moment.keep(name, value)
    for name in (state.OTHER, state.REFUSED_IMAGE):
        st.session_state.pop(name, None)


def receive(key: str) -> None:
    """For the callback of an uploader or the camera: show its file, unless the link asks for another one."""
    file, own = st.session_state.get(key), st.session_state.get(state.OWN)
    if file is None:  # taken out of the widget
        st.session_state.pop(state.OTHER, None)
        if own and own.source == key:
            del st.session_state[state.OWN]
            take_off()
        return
    data = file.getvalue()
    new = OwnImage(f"{FILE}-{_sha256(data)[:DIGITS]}", file.name, data, key)
    if wanted() and on() is None and new.id != wanted():
        st.session_state[state.OTHER] = new
    else:
        put_on(new)


def lend(split: PedestrianSplit, index: int, data_hash: str, title: str) -> None:
    """Show one of a dataset's images. Raises ImageError."""
    image = _of(split, index)
    name = _sha256(split.files[index].encode())
    id = "-".join((DATA, *(one[:SET_DIGITS] for one in (data_hash, name, image.digest))))
    put_on(OwnImage(id, image.title, image, of=title))


def refuse_what_cannot_be_read() -> None:
    """Before the bar names it: an image that cannot be decoded is not on, and why is told by `tell_refused`."""
    try:
        if own := on():
            _ = own.image().image
    except ImageError as error:
        del st.session_state[state.OWN]
        take_off()
        st.session_state[state.REFUSED_IMAGE] = f"{literal(str(error))} The sample stays."


def tell_refused() -> None:
    """Why the last file is not on."""
    if state.REFUSED_IMAGE in st.session_state:
        st.error(st.session_state[state.REFUSED_IMAGE], icon=":material/broken_image:")


def ask() -> None:
    """Where the link's image is not here, say which one it is, take it, and end the page."""
    wish = wanted()
    if not wish or on():
        return
    with st.container(border=True, key="asked"):
        other = None
        if wish.startswith(FILE):
            other = _ask_for_file(wish)
        else:
            _say_which_data(wish)
        with st.container(horizontal=True):
            if other:
                st.button(
                    f"Look at {literal(other.name)} instead",
                    icon=":material/image_search:",
                    key="asked_other",
                    on_click=put_on,
                    args=(other,),
                )
            st.button("Show a sample instead", icon=":material/image:", key="asked_sample", on_click=take_off)
    st.stop()


def _ask_for_file(wish: str) -> OwnImage | None:
    """An uploader for it; another file that was chosen, which is told."""
    start = _start(wish)
    st.info(
        f"This link is about an image that is not part of it. Choose the file whose digest (SHA-256) begins with "
        f"`{start}`, and you see what was shared.",
        icon=":material/lock:",
    )
    st.file_uploader(
        "The link's image",
        type=ACCEPTED,
        key="asked_upload",
        on_change=receive,
        args=("asked_upload",),
        help=f"`sha256sum FILE` prints a file's digest. The link's begins with `{wish.split('-')[1]}`.",
    )
    other = st.session_state.get(state.OTHER)
    if other:
        st.error(
            f"{literal(other.name)} is another file: its digest begins with `{_start(other.id)}`, not with `{start}`.",
            icon=":material/difference:",
        )
    return other


def _say_which_data(wish: str) -> None:
    # Anybody can write this into a link: letters and digits, so that it is no markup and no address.
    of = re.sub(r"[^\w ,-]", "", moment.recall("of"))[:80].strip() or "a dataset"
    reason = access.denied("paths") or st.session_state[state.MISSING][wish]
    st.info(
        f"This link is about an image of {of} (the hash of that data's file list begins with `{_start(wish)}`). "
        f"{reason}",
        icon=":material/dataset:",
    )


def _find(wish: str) -> OwnImage | None:
    """The dataset image of an id, or None; looked for once in a session, as that may open many files."""
    missing = st.session_state.setdefault(state.MISSING, {})
    if access.denied("paths") or wish in missing:
        return None
    _, start, name, pixels = wish.split("-")
    try:
        title, split = _images(start)
        index = next((i for i, file in enumerate(split.files) if _sha256(file.encode()).startswith(name)), None)
        image = None if index is None else _of(split, index)
    except (SnnparError, OSError):
        missing[wish] = (
            "No evaluation and no slice here is on that data: evaluate any checkpoint on it, then open the link again."
        )
        return None
    if image and image.digest.startswith(pixels):
        return OwnImage(wish, image.title, image, of=title)
    missing[wish] = "The data is here, but " + ("the image has other pixels." if image else "it has no such image.")
    return None


@st.cache_resource(max_entries=4, show_spinner="Looking for the link's image…")
def _images(start: str) -> tuple[str, PedestrianSplit]:
    return find_images(start)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _of(split: PedestrianSplit, index: int) -> InputImage:
    labels = split.labels[index]
    names = zip(split.schema.attributes, labels, strict=True)
    # An image's truth cannot say "unknown" for some attributes only; then it says nothing.
    truth = frozenset(name for name, label in names if label == 1) if np.isin(labels, (0, 1)).all() else None
    return InputImage.of(split.files[index], split.read(index), truth)


def _start(of: str) -> str:
    return of.split("-")[1][:SHOWN]


def _decoded(own: OwnImage) -> np.ndarray:
    with _PIXELS_LOCK:
        found = _PIXELS.get(own.id)
    if found is None:
        with turn():
            found = DECODER.open(own.content, own.name)
        with _PIXELS_LOCK:
            _PIXELS[own.id] = found
    return found


def forget_unused() -> None:
    """Drop decoded images after PIXELS_S."""
    with _PIXELS_LOCK:
        _PIXELS.expire()


def held() -> list[bytes]:
    """The files of all sessions."""
    return [own.content for own in list(_FILES) if isinstance(own.content, bytes)]
