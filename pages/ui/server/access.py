"""Who may do what: on a public server only what leaves nothing behind, unless a named person has signed in.

What is denied is not drawn: a widget that is only disabled can still be set by whoever speaks the browser's protocol.
"""

from __future__ import annotations

import os
import string

import streamlit as st

from pages.ui.widgets.literal import literal
from snnpar.core.public import REASONS, is_public

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
USERS = "SNNPAR_USERS"  # who may do everything: verified e-mail addresses or subject ids of the provider, by commas


def denied(what: str) -> str | None:
    """Why `what` (a key of snnpar.core.public.REASONS) is off for this visitor; None if it is not."""
    reason = REASONS[what]
    return reason if is_public() and not _named(st.user.to_dict()) else None


def told(what: str) -> bool:
    """Is `what` off for this visitor? Then the page says why."""
    reason = denied(what)
    if reason:
        st.info(reason, icon=":material/lock:")
    return reason is not None


def signed() -> bool:
    """Is the Hub asked with the token of this machine for this visitor? It shows what is its owner's alone."""
    return denied("private") is None


def _named(claims: dict) -> bool:
    """Has somebody signed in whom the server's owner named? An address counts only if the provider vouches for it.

    What looks like an address is compared with the address alone: some providers let people choose their subject id.
    """
    allowed = [name.strip() for name in os.environ.get(USERS, "").split(",")]
    addresses, subjects = ({name for name in allowed if ("@" in name) is whether} - {""} for whether in (True, False))
    address = _plain(str(claims.get("email") or "")) if claims.get("email_verified") is True else ""
    known = bool(address) and address in map(_plain, addresses) or str(claims.get("sub") or "") in subjects
    return claims.get("is_logged_in") is True and known


def _plain(address: str) -> str:
    """An address to compare: A to Z as a to z, and no other letter for another. "" where the domain has letters that
    only look like these: such a domain is written in its ASCII form, xn--…"""
    return address.translate(_LOWER) if address.rpartition("@")[2].isascii() else ""


def banner() -> None:
    """On a public server: what it leaves off, and where to sign in if its owner has set that up."""
    if not is_public():
        return
    claims = st.user.to_dict()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="public"):
        who = literal(claims.get("email") or claims.get("sub") or "this account")
        if _named(claims):
            words = f"Public server, signed in as {who}: nothing is off for you."
        elif claims.get("is_logged_in"):
            words = f"Public server: {who} is not among those who may train here."
        else:
            words = "Public server: your image stays in memory and is not kept. Training needs your own machine."
        st.caption(f":material/public: {words}")
        if claims.get("is_logged_in"):
            st.button("Sign out", type="tertiary", icon=":material/logout:", on_click=st.logout)
        elif "is_logged_in" in claims:  # a provider is configured
            st.button("Sign in", type="tertiary", icon=":material/login:", on_click=st.login)
