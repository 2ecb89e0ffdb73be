// Time in the browser: lists over t, and the player that moves t by itself.

export const STEP_MS = 900;

// The entry of a list over t; what has one entry does not change over time.
export function entry(list, t) {
  return list[Math.min(t, list.length) - 1];
}

// New data leaves t alone, for the view may have gone on meanwhile, unless there is another number of timesteps.
export function takeData(view, data) {
  if (data.timesteps !== view.timesteps) {
    view.player.stop();
    view.t = view.told = data.t;
    view.timesteps = data.timesteps;
  }
  view.data = data;
}

// t came to rest: the one moment at which the host hears of it.
export function rest(view) {
  if (view.t === view.told) return;
  view.told = view.t;
  view.emit("moved", view.t);
}

// Moves t by itself from the first timestep to the last: `go(t)` shows one, `rest` hears that t has come to rest, and
// `draw(isPlaying)` shows the button. `at` and `steps` say where t is and how many there are.
export function newPlayer({ at, steps, go, rest, draw }) {
  const player = { timer: null };
  player.stop = () => {
    clearInterval(player.timer);
    player.timer = null;
    draw(false);
  };
  const end = () => { player.stop(); rest(); };
  player.toggle = () => {
    if (player.timer) return end();
    player.timer = setInterval(() => {
      if (at() < steps()) go(at() + 1);
      if (at() === steps()) end();
    }, STEP_MS);
    draw(true);
    if (at() === steps()) go(1);
  };
  return player;
}
