"""Training runs and other jobs: folders that processes work on, one after another on each device.

jobs: a folder and the process that works on it; claims: by whom; devices: whose turn it is. run: create, launch, find
and delete runs; resuming: can one go on; estimate: what one will cost. history: what a run wrote; lens: what
distillation showed; notes: tags and words; table: a row of each run.
"""

from snnpar.runs.run import Run, create_run, launch, list_runs

__all__ = ["Run", "create_run", "launch", "list_runs"]
