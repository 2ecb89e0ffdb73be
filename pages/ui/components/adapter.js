// The host of a view in Streamlit, which calls the entry again whenever the data may have changed.
const mounted = new WeakMap();
const [mount] = Object.values(views);

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let one = mounted.get(parentElement);
  if (!one) {
    one = {};
    one.view = mount(parentElement, { ask: (name, argument) => one.say(name, argument) });
    mounted.set(parentElement, one);
  }
  one.say = data.keeps ? setStateValue : setTriggerValue;
  one.view.update(data);
  return () => one.view.rest?.();
}
