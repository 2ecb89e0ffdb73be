"""The states of jobs on screen: training runs and evaluations."""

from __future__ import annotations

STATES = {
    "created": ":gray-badge[:material/schedule: never started]",
    "queued": ":violet-badge[:material/hourglass_top: queued]",
    "running": ":blue-badge[:material/play_arrow: running]",
    "stalled": ":orange-badge[:material/hourglass: stalled]",
    "stopping": ":orange-badge[:material/pending: stopping]",
    "stopped": ":gray-badge[:material/stop: stopped]",
    "killed": ":gray-badge[:material/dangerous: killed]",
    "lost": ":red-badge[:material/help: lost]",
    "failed": ":red-badge[:material/error: failed]",
    "done": ":green-badge[:material/check: done]",
    "damaged": ":red-badge[:material/broken_image: damaged]",
}
WORDS = {
    "created": "… never started",
    "queued": "» queued",
    "running": "▶ running",
    "stalled": "! stalled",
    "stopping": "□ stopping",
    "stopped": "■ stopped",
    "killed": "× killed",
    "lost": "? lost",
    "failed": "✗ failed",
    "done": "✓ done",
    "damaged": "! damaged",
}
RESUMABLE = ("created", "stopped", "killed", "lost", "failed")
