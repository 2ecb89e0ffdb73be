"""`python -m snnpar serve`: the same analysis as an API and a small Gradio app.

    shapes     what the endpoints answer with
    answers    the endpoints: plain functions over the library, JSON in and out; no Gradio
    page       the page and the endpoints in Gradio
    guard      what a request may ask for, and how much it may send
    line       how many answers wait to be fetched
"""

from __future__ import annotations

import argparse
import importlib.util
from typing import TYPE_CHECKING

from snnpar.errors import SnnparError

if TYPE_CHECKING:
    import gradio


def add_serve(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    flags.add_argument("--port", type=int, default=7860, help="port to listen on (default: %(default)s)")
    flags.add_argument("--teacher", metavar="NAME", help="a checkpoint in checkpoints/, or a folder (default: the "
                       "shipped teacher)")
    flags.add_argument("--student", metavar="NAME", help="likewise (default: the shipped student)")
    flags.add_argument("--mcp", action="store_true", help="offer the endpoints as tools of the Model Context Protocol")
    flags.set_defaults(command=lambda options: main(
        host=options.host, port=options.port, teacher=options.teacher, student=options.student, mcp=options.mcp))


def build(teacher: str | None = None, student: str | None = None, *, waiting: int = 64) -> gradio.Blocks:
    """The app with its endpoints and one queue of at most `waiting` requests, for `launch`.

    `teacher`, `student`: names in checkpoints/, or folders; None is the shipped one. Raises SnnparError.
    """
    from snnpar.serve.answers import Answers, load_pair
    from snnpar.serve.page import blocks

    declare_gpu()
    return blocks(Answers(load_pair(teacher, student)), waiting)


def declare_gpu() -> bool:
    """Tell a ZeroGPU Space, which stops where no function asks for a GPU, that one may. True where there is `spaces`.

    None of ours does: both models answer on the processor in less time than a GPU takes to be lent, and a loan would
    be charged to the visitor.
    """
    try:
        import spaces
    except ImportError:
        return False
    spaces.GPU(lambda: None)
    return True


def launch(demo: gradio.Blocks, *, host: str, port: int, mcp: bool = False, wait: bool = True) -> str:
    """Serve `build()`'s app and return its address; `wait` until it is interrupted. Raises SnnparError.

    No share link, no analytics, no monitoring page, no history of runs, no file of this machine, and no details of
    errors that are not ours to tell.
    """
    from starlette.middleware import Middleware

    from snnpar.serve.guard import Guard

    if mcp and importlib.util.find_spec("mcp") is None:
        raise SnnparError("--mcp needs an extra of Gradio: run pip install 'gradio[mcp]', or leave --mcp out")
    try:
        _, address, _ = demo.launch(
            server_name=host, server_port=port, share=False, inbrowser=False, prevent_thread_lock=True,
            quiet=True, show_error=False, run_history=False, footer_links=["api"], allowed_paths=[],
            blocked_paths=["/"], max_file_size=1, enable_monitoring=False, strict_cors=True, ssr_mode=False, pwa=False,
            mcp_server=mcp, state_session_capacity=200, app_kwargs={"middleware": [Middleware(Guard)]})
    except (OSError, OverflowError) as error:  # a port above 65535 overflows
        raise SnnparError(f"{host}:{port} is taken or not an address of this machine; pick another --port") from error
    if demo.mcp_error:
        demo.close()
        raise SnnparError(f"{demo.mcp_error}; install the versions that gradio[mcp] asks for, or leave --mcp out")
    print(f"serving at {address}" + (f", tools at {address}gradio_api/mcp/" if mcp else ""), flush=True)
    if wait:
        demo.block_thread()
    return address


def main(*, host: str = "127.0.0.1", port: int = 7860, teacher: str | None = None,
         student: str | None = None, mcp: bool = False) -> None:
    """Build and serve until interrupted."""
    launch(build(teacher, student), host=host, port=port, mcp=mcp)
