"""Every key of the session by which code asks for a value, page by page; the rest are widgets that nobody asks.

The choice of a model lies under its role's name.
"""

from __future__ import annotations

from zlib import crc32

# On every page
ATTRIBUTE, THRESHOLD, SAMPLE = "attribute", "threshold", "sample"  # widgets of the bar
SELECTION = "selection"  # what the bar says, as one
CARRIED = "carried"  # choices that another page made for the bar
LAYER = "layer"  # looked into, on Spikes and of a run

# The image
OWN = "own_image"
OTHER = "other_image"  # a file that is not the one that the link asks for
REFUSED_IMAGE = "refused_image"  # why the last file is not on
MISSING = "missing_images"  # by id: why the image of a link is not here
BOXES = "boxes"  # by image id
CROPPING = "cropping"  # the image whose tool was asked for

# Interactive views
CROPPER, TIME_BAR, RASTER, LEDGER_GRID, OCCLUDER = "cropper", "time_bar", "raster", "ledger_grid", "occluder"

# Explain
SCALES = "scales"
SCORED = "scored"  # what a faithfulness score was asked for

# Energy
CONVENTION, NEURON_PRICE, SUMS, QUANTISED_MAC, BUDGET = "energy", "neuron_price", "sums", "quantised_mac", "budget_uj"
BEGIN_OPEN = "assumptions_begin_open"  # whether the assumptions are unfolded at first

# Evaluate
STARTED_WITH = "evaluations_started_with"  # the evaluations that the page chose by itself
EVALUATED_ATTRIBUTE = "evaluated_attribute"  # one that the models of the bar do not know
EARLY = "early"  # the timestep that is held against the last
BASKETS, BASKETS_PAST = "baskets", "baskets_past"  # starred images by data hash; for undo
SAVED_SLICE = "saved_slice"

# Train
FORM_SEED, FORM_BAR, FORM_STEP = "form_seed", "form_bar", "form_step"
FILL_RUN, FILL_COMMAND, FILL_PROBLEM = "fill_run", "fill_command", "fill_problem"
TRIAL, TRIAL_OF, TRIAL_BEGAN = "trial", "trial_of", "trial_began"
ESTIMATE_FOUND, ESTIMATE_PROBLEM = "estimate_found", "estimate_problem"
STARTED = "started"  # what is told of a run that was started
RUN, BESIDE, MARKED = "run", "beside", "runs_marked"
RUNS_TABLE, RUNS_DRAWN = "runs_table", "runs_drawn"  # marks by position; the names at these positions
RUNS_TAG = "runs_tag"
LABELS_REFUSED = "labels_refused"  # how often: a new table takes the refused text away
ASKED, REFUSED = "asked", "refused"  # what is to be confirmed; why it was not done
LENS_EPOCH, LENS_LATEST, LENS_IMAGE = "lens_epoch", "lens_latest", "lens_image"

# Checkpoints
CHECKPOINT, ARRIVED, SCORED_ON = "checkpoint", "checkpoint_arrived", "scored_on"
UNREADABLE_PROBLEM = "unreadable_problem"
DELETE_ASKED, DELETE_PROBLEM = "delete_asked", "delete_problem"
HUB_ASKED, HUB_FOUND, HUB_REVISION, HUB_PROBLEM = "hub_asked", "hub_found", "hub_revision", "hub_problem"
HUB_PROBLEMS = "hub_problems"  # by id: what the Hub said, and when
DOWNLOAD = "download"


def kept(name: str) -> str:
    """A choice that the link holds, see moment.py."""
    return f"kept_{name}"


def setting(name: str) -> str:
    """The widget of a training setting."""
    return f"set_{name}"


def label(what: str, shows: str) -> str:
    """The widget of a run's note or tags; another one when it is to show something else."""
    return f"run_{what}_{crc32(shows.encode()):08x}"


def assumption(base: str, name: str) -> str:
    """The widget of an assumption that differs from a convention."""
    return f"assume_{base}_{name}"


def evaluation(role: str) -> str:
    """The evaluation that is chosen for a role."""
    return f"evaluation_{role}"


def heatmap(role: str) -> str:
    """The method of a role's heatmap on Compare."""
    return f"{role}_map"


def marks(table: str) -> str:
    """What a table marks, see widgets/cells.py."""
    return f"{table}_shows"


def edition(table: str) -> str:
    """How often the table was made anew."""
    return f"{table}_number"
