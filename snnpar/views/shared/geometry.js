// Where cells lie on an image, see snnpar/images/geometry.py: an axis has `count` places, the centre of the first one and the
// step to the next, in shares of the side. A place owns what is nearest to its centre, the outer ones up to the border.

function edgeOf(axis, i) {
  return i <= 0 ? 0 : i >= axis.count ? 1 : axis.first + (i - 0.5) * axis.step;
}

export function placeAt(axis, share) {
  return Math.min(axis.count - 1, Math.max(0, Math.floor((share - axis.first) / axis.step + 0.5)));
}

// The cells from (top, left) to (bottom, right), these included, as a rectangle on width x height, in whole pixels so
// that neighbours leave no seam.
export function rectangle({ rows, columns }, [top, left, bottom, right], width, height) {
  const edge = (axis, i, size) => Math.round(edgeOf(axis, i) * size);
  const x = edge(columns, left, width), y = edge(rows, top, height);
  return { x, y, w: edge(columns, right + 1, width) - x, h: edge(rows, bottom + 1, height) - y };
}

export function cellRectangle(geometry, row, column, width, height) {
  return rectangle(geometry, [row, column, row, column], width, height);
}

// Row and column under a pointer over an element, or null outside it.
export function cellUnder(geometry, element, event) {
  const area = element.getBoundingClientRect();
  const across = (event.clientX - area.left) / area.width, down = (event.clientY - area.top) / area.height;
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return null;
  return { row: placeAt(geometry.rows, down), column: placeAt(geometry.columns, across) };
}

// The edge that lies nearest to a share of the side, from 0 to count.
export function nearestEdge(axis, share) {
  const edges = Array.from({ length: axis.count + 1 }, (_, i) => Math.abs(edgeOf(axis, i) - share));
  return edges.indexOf(Math.min(...edges));
}
