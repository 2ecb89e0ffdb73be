// One page for all views, over answers that are already there: `data.answers` by what was asked.

const TABS = { ArrowLeft: -1, ArrowRight: 1 };

// A view in a shadow root of its own, so that no style of one reaches another. Markup and style are the program's.
function place(parent, name, parts, host) {
  const root = parent.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = parts.style;
  const body = document.createElement("template");
  body.innerHTML = parts.markup;
  root.append(style, body.content);
  return views[name](root, host);
}

// The host of answers that were frozen: what it has, a view is given; of the rest it says why not.
export function frozenHost({ first, answers, told }, show, say) {
  return {
    ask(name, argument) {
      const answer = answers[name]?.[argument];
      if (answer) show({ ...first, ...answer });
      say(answer ? "" : told[name] ?? "");
      return Promise.resolve(answer ?? null);
    },
  };
}

function mountAll(data) {
  const say = (words) => { document.getElementById("told").textContent = words; };
  for (const one of data.views) {
    const host = frozenHost(one, (answer) => view.update(answer), say);
    const view = place(document.getElementById(one.into), one.name, data.parts[one.name], host);
    view.update(one.first);
  }
}

function tabs() {
  const buttons = [...document.querySelectorAll("[role=tab]")];
  const show = (chosen) => {
    for (const button of buttons) {
      const on = button === chosen;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
      document.getElementById(button.getAttribute("aria-controls")).hidden = !on;
    }
    document.getElementById("told").textContent = "";
  };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => show(button));
    button.addEventListener("keydown", (event) => {
      if (!(event.key in TABS)) return;
      const next = buttons[(i + TABS[event.key] + buttons.length) % buttons.length];
      next.focus();
      show(next);
    });
  });
  const asked = buttons.find((button) => `#${button.getAttribute("aria-controls")}` === location.hash);
  show(asked ?? buttons[0]);
}

if (globalThis.document) {
  mountAll(JSON.parse(document.getElementById("data").textContent));
  tabs();
}
