// Numbers in words, the same in every view.

export function percent(prob) {
  return String(Math.round(100 * prob));
}

export function exact(prob) {
  return `${(100 * prob).toFixed(2)}%`;
}

export function signed(points) {
  return points > 0 ? `+${points}` : String(points).replace("-", "−");
}

export function microjoules(value) {
  const digits = value >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return `≈ ${value.toLocaleString("en", digits)} µJ`;
}

// About three digits, with a true minus.
export function short(value) {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

// With its sign and so many decimals.
export function fixed(value, digits) {
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
}

// Decimals that show about three digits of the largest of some values.
export function decimals(values) {
  const largest = Math.max(1e-9, ...values.map(Math.abs));
  return Math.min(5, Math.max(1, 2 - Math.floor(Math.log10(largest))));
}

export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
