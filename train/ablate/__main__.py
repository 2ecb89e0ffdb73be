"""`python -m train.ablate table3|table2|parts`: the paper's ablations over seeds, and that of our recipe's parts.

table3: what distillation brings (none, features, logits, both). table2: the student as a ViT and as a spiking network.
parts: what each part of the recipe changes. Every run is an ordinary run in OUT/<row>-seed<n>; the same command again
skips what is done and goes on with what was interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path

import snnpar
from snnpar.config.flags import add_settings
from snnpar.core.atomic import write_text
from snnpar.core.commands import Parser
from snnpar.core.errors import SnnparError
from snnpar.core.programs import module

from .paper import table2, table3
from .parts import parts

TABLES = {"table3": table3, "table2": table2, "parts": parts}


def parser() -> Parser:
    flags = Parser(prog=f"python -m {module('train.ablate')}", description=(__doc__ or "").split("\n")[0])
    flags.add_argument("table", choices=TABLES)
    flags.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2, for parts 0")
    flags.add_argument("--out", type=Path, help="folder of the runs (default: checkpoints/runs/TABLE)")
    flags.add_argument("--vit-model", default="vit_2_96", help="table2: the ViT student (default: vit_2_96)")
    flags.add_argument(
        "--rendered-test",
        type=int,
        default=2000,
        metavar="N",
        help="held-out rendered images to score on (default: 2000)",
    )
    add_settings(flags, leave_out=("role", "feature_kd", "logit_kd", "seed"))
    flags.set_defaults(model="spikingformer_2_96")
    return flags


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    options.out = (options.out or snnpar.RUNS / options.table).expanduser().resolve()
    options.seeds = options.seeds or ([0] if options.table == "parts" else [0, 1, 2])
    try:
        text = TABLES[options.table](options)
    except SnnparError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_text(options.out / f"{options.table}.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
