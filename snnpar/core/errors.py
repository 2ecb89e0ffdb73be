"""The one class of errors that the user can fix."""

from __future__ import annotations


class SnnparError(Exception):
    """Something that the user can fix; its text says what is wrong and what to do, in a sentence.

    The command line prints it without a traceback, pages show it as it is. Any other exception is a programming
    error: a traceback on the command line, on a page a message with what to report.
    """
