// Streamlit adds to the browser's history whenever the link changes. What a page adds to its link while it opens is no
// step of the visitor: without this, Back would lead to the same page with a shorter link.
let patched = false;

export default function backButton() {
  if (patched) return;
  patched = true;
  const push = history.pushState.bind(history);
  let arrived = 0;
  let acted = navigator.userActivation?.hasBeenActive ? performance.now() : -1;
  for (const event of ["pointerdown", "keydown"]) {
    addEventListener(event, () => { acted = performance.now(); }, { capture: true });
  }
  addEventListener("popstate", () => { arrived = performance.now(); });
  history.pushState = (state, unused, url) => {
    const elsewhere = new URL(url, location.href).pathname !== location.pathname;
    if (elsewhere) arrived = performance.now();
    if (elsewhere || acted > arrived) push(state, unused, url);
    else history.replaceState(state, unused, url);
  };
}
