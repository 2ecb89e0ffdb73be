"""The endpoints and a small page in Gradio, all behind one queue."""

from __future__ import annotations

import base64
import functools
import html
import inspect
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from snnpar import ASSETS
from snnpar.core import numbers
from snnpar.core.errors import SnnparError
from snnpar.explain import methods_of
from snnpar.figures import LOOKS
from snnpar.inference import shared_attributes
from snnpar.metrics.defaults import SAMPLE, first_attribute
from snnpar.serve.answers import Answers
from snnpar.serve.line import Limits, bound
from snnpar.serve.shapes import Heat

ENDPOINTS = ("models", "predict", "trace", "heatmap", "energy")
# One request computes at a time, as each uses all cores. A waiting one holds its image as text, so that their number
# bounds the memory; whoever comes when the queue is full is told so at once.
QUEUE = {"concurrency_id": "models", "concurrency_limit": 1}
SHOWN = 8  # attributes that the page lists for each model

# gr.Image and gr.File write uploads to disk before Python sees them; this reads the file in the browser instead.
PICKER = """<label class="picker"><input type="file" accept="image/*,.heic,.heif"> <span>Image of one
pedestrian: JPEG, PNG, WebP, AVIF or HEIC, up to 10 MB</span></label><img alt="the image" src="${value}">"""
PICKER_CSS = "img { max-height: 20rem; display: block; margin-top: .5rem } .picker { display: block }"
PICKER_JS = """element.addEventListener('change', event => {
  const file = event.target.files && event.target.files[0];
  if (!file) return;
  event.stopPropagation();
  const reader = new FileReader();
  reader.onload = () => { props.value = reader.result; };
  reader.readAsDataURL(file);
});"""


def blocks(answers: Answers, waiting: int) -> gr.Blocks:
    """The app: five documented endpoints and one page over them; at most `waiting` requests wait for their turn."""
    with gr.Blocks(title="SNN-PAR Explorer", analytics_enabled=False) as demo:
        for name in ENDPOINTS:
            gr.api(_told(getattr(answers, name)), api_name=name, **QUEUE)  # pyright: ignore[reportPrivateImportUsage]
        _page(answers)
    # api_open=False: nobody passes the queue by.
    demo.queue(api_open=False, max_size=waiting, default_concurrency_limit=1)
    bound(demo._queue, Limits(waiting))
    return demo


def _page(answers: Answers) -> None:
    gr.Markdown(
        "# SNN-PAR Explorer\nA conventional teacher and a spiking student read the attributes of a pedestrian. "
        "Images stay in memory while they are read, and nowhere else."
    )
    with gr.Row():
        with gr.Column():
            image = gr.HTML(_sample(), html_template=PICKER, css_template=PICKER_CSS, js_on_load=PICKER_JS)
            models, roles = answers.loaded, answers.loaded.roles
            others = [models[role].schema for role in roles if role != "student"]
            attributes = shared_attributes(*others, models.student.schema)
            attribute = gr.Dropdown(list(attributes), value=first_attribute(attributes), label="Where do they look for")
            methods = [
                gr.Dropdown(
                    [(method.label, key) for key, method in offered.items()],
                    value=next(iter(offered), None),
                    label=f"{LOOKS[role].name}'s heatmap",
                )
                for role, offered in ((role, methods_of(models[role])) for role in roles)
            ]
            button = gr.Button("Read the image", variant="primary")
        with gr.Column():
            labels = [gr.Label(num_top_classes=SHOWN, show_heading=False, label=LOOKS[role].name) for role in roles]
        with gr.Column():
            maps = gr.HTML(css_template="figure { display: inline-block; width: 48%; margin: 0 }")
            energy = gr.Markdown()
    button.click(
        _told(functools.partial(_look, answers)),
        [image, attribute, *methods],
        [*labels, maps, energy],
        api_visibility="private",
        **QUEUE,
    )


def _look(answers: Answers, image: str, attribute: str, *methods: str) -> tuple[dict[str, float] | str, ...]:
    """Probabilities of all models, their heatmaps as HTML, and a sentence on energy."""
    roles = answers.loaded.roles
    said, costs = answers.predict(image, "all"), answers.energy(image, "all")
    heats = [answers.heatmap(image, attribute, role, method) for role, method in zip(roles, methods, strict=True)]
    maps = "".join(
        f'<figure><img alt="heatmap" src="data:image/png;base64,{heat["png_base64"]}"><figcaption>'
        f"{html.escape(_caption(role, heat))}</figcaption></figure>"
        for role, heat in zip(roles, heats, strict=True)
    )
    energy = "; ".join(
        f"{LOOKS[role].name} about {numbers.energy(cost['energy_uj'])}"
        + (
            f", {numbers.energy(cost['neuron_uj'])} of it for {cost['updates']:,} neuron updates"
            if cost["updates"]
            else ""
        )
        for role, cost in costs.items()
    )
    labels = (said[role]["probabilities"] for role in roles)
    return *labels, maps, f"{energy}. An estimate: {costs['student']['convention']}."


def _caption(role: str, heat: Heat) -> str:
    return f"{LOOKS[role].name}: {heat['title']}, {heat['unit']}. {heat['colours']}"


def _told(function: Callable) -> Callable:
    """A SnnparError is a sentence for the caller; of anything else, the caller learns nothing but that it failed."""

    @functools.wraps(function)
    def told(*arguments: object) -> object:
        try:
            return function(*arguments)
        except SnnparError as error:
            raise gr.Error(str(error), print_exception=False) from None

    vars(told)["__signature__"] = inspect.signature(function, eval_str=True)  # Gradio reads types of results from it
    return told


def _sample(path: Path = ASSETS / "samples" / f"{SAMPLE}.png") -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
