// Arrays as Python packs them, see encode.py.

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

export function floatsOf(base64) {
  return new Float32Array(bytesOf(base64).buffer);
}

export function countsOf(base64) {
  return new Uint32Array(bytesOf(base64).buffer);
}
