"""`python -m snnpar hub`: pull a checkpoint from the Hub, push one to it, list and delete those that were pulled."""

from __future__ import annotations

import argparse

import snnpar
from snnpar.hub import (
    delete_cached,
    delete_half,
    fetch_checkpoint,
    hub_id_of,
    list_cached,
    list_halves,
    parse_hub_id,
)
from snnpar.hub.download import report


def add_hub(flags: argparse.ArgumentParser) -> None:
    """One subcommand per function below."""
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    pull = commands.add_parser(
        "pull", help="download a checkpoint, unless it is here, and say to which commit it resolved and where it lies"
    )
    pull.add_argument("id", metavar="OWNER/NAME[@REVISION]")
    pull.add_argument(
        "--progress", action="store_true", help="for programs: print JSON lines, and end when standard input closes"
    )
    pull.add_argument("--anonymous", action="store_true", help="without HF_TOKEN: only what everybody may have")
    pull.set_defaults(command=pull_one)
    push = commands.add_parser("push", help="upload a checkpoint with its card; needs HF_TOKEN")
    push.add_argument("checkpoint", metavar="CKPT", help="a folder, or a name in checkpoints/")
    push.add_argument("id", metavar="OWNER/NAME[@BRANCH]")
    push.add_argument("--private", action="store_true", help="if the repository has to be made: for you alone")
    push.set_defaults(command=push_one)
    listing = commands.add_parser("list", help="what was pulled, and what it takes on the disk")
    listing.set_defaults(command=list_all)
    delete = commands.add_parser("delete", help="remove what was pulled")
    delete.add_argument("id", metavar="OWNER/NAME@COMMIT")
    delete.set_defaults(command=delete_one)


def pull_one(options: argparse.Namespace) -> int:
    cache = snnpar.CHECKPOINTS / "hub"
    if options.progress:
        return report(options.id, cache, signed=not options.anonymous)
    folder = fetch_checkpoint(options.id, cache=cache, signed=not options.anonymous)
    print(f"{hub_id_of(folder)}\n{folder}")
    return 0


def push_one(options: argparse.Namespace) -> None:
    from snnpar.checkpoint import find_checkpoint
    from snnpar.sharing.push import push

    print(push(find_checkpoint(options.checkpoint), options.id, private=options.private))


def list_all(_options: argparse.Namespace) -> None:
    from snnpar.sharing.collection import unreadable

    cached, odd = list_cached(snnpar.CHECKPOINTS / "hub"), {one.id: one for one in unreadable()}
    for one in cached:
        if one.id not in odd:
            print(f"{one.id}  {one.bytes / 1e6:.1f} MB{''.join(f'  {name}' for name in one.revisions)}")
    for id, one in odd.items():
        print(f"{id if id.revision else id.repo}  {one.bytes / 1e6:.1f} MB  cannot be used: {one.why}")
    if not cached and not odd:
        print("nothing was pulled yet; `python -m snnpar hub pull owner/name` does it")


def delete_one(options: argparse.Namespace) -> None:
    wanted, cache = parse_hub_id(options.id), snnpar.CHECKPOINTS / "hub"
    if not wanted.pinned and wanted.repo in dict(list_halves(cache)):
        delete_half(wanted.repo, cache)
    else:
        delete_cached(wanted, cache)
    print(f"{wanted} is gone")
