"""`python -m snnpar serve`: the same analysis as an API and a small Gradio app.

shapes     what the endpoints answer with
answers    the endpoints: plain functions over the library, JSON in and out; no Gradio
page       the page and the endpoints in Gradio
guard      what a request may ask for, and how much it may send
line       how much waits, whose turn it is, and what is kept of it
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from snnpar.config import DEVICES
from snnpar.core import hosts
from snnpar.core.environment import set_defaults
from snnpar.core.errors import SnnparError

if TYPE_CHECKING:
    import gradio


def add_serve(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    flags.add_argument(
        "--port", type=int, default=7860, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    flags.add_argument(
        "--teacher", metavar="NAME", help="a checkpoint in checkpoints/, or a folder (default: the shipped teacher)"
    )
    flags.add_argument("--student", metavar="NAME", help="likewise (default: the shipped student)")
    flags.add_argument("--opponent", metavar="NAME", help="likewise, a third model to hold the two against")
    flags.add_argument(
        "--device", default="cpu", choices=DEVICES, help="where the models compute (default: %(default)s)"
    )
    flags.add_argument("--mcp", action="store_true", help="offer the endpoints as tools of the Model Context Protocol")
    flags.set_defaults(
        command=lambda options: main(
            host=options.host,
            port=options.port,
            teacher=options.teacher,
            student=options.student,
            opponent=options.opponent,
            device=options.device,
            mcp=options.mcp,
        )
    )


def build(
    teacher: str | None = None,
    student: str | None = None,
    device: str = "cpu",
    *,
    opponent: str | None = None,
    waiting: int = 64,
) -> gradio.Blocks:
    """The app with its endpoints and one queue of at most `waiting` requests, for `launch`.

    `teacher`, `student`, `opponent`: names in checkpoints/, or folders; None is the shipped one, and no opponent.
    Raises SnnparError.
    """
    from snnpar.serve.answers import Answers, load_models
    from snnpar.serve.page import blocks

    declare_gpu()
    return blocks(Answers(load_models(teacher, student, opponent, device)), waiting)


def declare_gpu() -> bool:
    """Tell a ZeroGPU Space, which stops where no function asks for a GPU, that one may. True where there is `spaces`.

    None of ours does: both models answer on the processor in less time than a GPU takes to be lent, and a loan would
    be charged to the visitor.
    """
    try:
        import spaces  # pyright: ignore[reportMissingImports]  of a ZeroGPU Space
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
        with _no_proxy():
            _, address, _ = demo.launch(
                server_name=f"[{host}]" if ":" in host else host,
                server_port=port or _free_port(host),
                share=False,
                inbrowser=False,
                prevent_thread_lock=True,
                quiet=True,
                show_error=False,
                run_history=False,
                footer_links=["api"],
                allowed_paths=[],
                blocked_paths=["/"],
                max_file_size=1,
                enable_monitoring=False,
                strict_cors=True,
                ssr_mode=False,
                pwa=False,
                mcp_server=mcp,
                state_session_capacity=200,
                app_kwargs={"middleware": [Middleware(Guard, names=hosts.known(host))]},
            )
    except (OSError, OverflowError) as error:  # a port above 65535 overflows
        raise SnnparError(f"{host}:{port} is taken or not an address of this machine; pick another --port") from error
    if demo.mcp_error:
        demo.close()
        raise SnnparError(f"{demo.mcp_error}; install the versions that gradio[mcp] asks for, or leave --mcp out")
    print(f"serving at {address}" + (f", tools at {address}gradio_api/mcp/" if mcp else ""), flush=True)
    if wait:
        demo.block_thread()
    return address


def return_memory() -> None:
    """Have the C library give back what large images took: glibc would keep blocks of up to 32 MB for each thread."""
    mmap_threshold, arena_max = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h
    with suppress(AttributeError, OSError):  # another C library
        c = ctypes.CDLL(None)
        c.mallopt(mmap_threshold, 1 << 20)
        c.mallopt(arena_max, 2)


@contextmanager
def _no_proxy() -> Iterator[None]:
    """Gradio asks the server whether it is up, through whatever proxy the environment names; none leads back here."""
    named = {name: os.environ.pop(name) for name in list(os.environ) if name.lower().endswith("_proxy")}
    try:
        yield
    finally:
        os.environ.update(named)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
        free.bind((host, 0))
        return free.getsockname()[1]


def main(
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    teacher: str | None = None,
    student: str | None = None,
    opponent: str | None = None,
    device: str = "cpu",
    mcp: bool = False,
) -> None:
    """Build and serve until interrupted."""
    set_defaults()  # a Space calls this, not the command
    return_memory()
    launch(build(teacher, student, device, opponent=opponent), host=host, port=port, mcp=mcp)
