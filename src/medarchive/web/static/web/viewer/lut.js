/** LUT: stored values become grey through rescale and window (PS3.3 C.11.1, C.11.2), 65,536 entries at most. */

/** From a stored value to the modality's: HU, or whatever its rescale says; a table in place of it where there is one. */
export function modality(look, tables) {
  const table = tables && tables.modality;
  if (table) return (value) => entry(table, value);
  return (value) => value * look.slope + look.intercept;
}

function entry(table, value) {
  return table.entries[Math.min(Math.max(Math.round(value) - table.first, 0), table.entries.length - 1)];
}

/** From a modality value to grey; 0 is black, 1 white. A window is { centre, width, kind }; TABLE: the object's VOI LUT. */
export function grey(window, tables) {
  const { centre, width, kind } = window;
  if (kind === "TABLE") return (value) => entry(tables.voi, value);
  if (kind === "SIGMOID") return (value) => 1 / (1 + Math.exp((-4 * (value - centre)) / width));
  if (kind === "LINEAR") return (value) => (value - (centre - 0.5)) / Math.max(width - 1, 1e-6) + 0.5;
  return (value) => (value - centre) / Math.max(width, 1e-6) + 0.5;
}

const OPAQUE = 0xff000000;
const pack = (level) => (OPAQUE | (level << 16) | (level << 8) | level) >>> 0;

/** Fill an ImageData with a frame. `inverted` says whether the lowest value is white. */
export function paint(image, pixels, look, window, inverted, tables) {
  const out = new Uint32Array(image.data.buffer);
  if (pixels.samples === 3) return paintColour(out, pixels.values, window, inverted);
  const toModality = modality(look, tables);
  const toGrey = grey(window, tables);
  const padding = look.padding;
  const level = (value) => {
    if (padding && value >= padding[0] && value <= padding[1]) return OPAQUE >>> 0;
    const share = Math.min(Math.max(toGrey(toModality(value)), 0), 1);
    return pack(Math.round(255 * (inverted ? 1 - share : share)));
  };
  const { values } = pixels;
  if (pixels.bytes === 4) {
    for (let at = 0; at < values.length; at += 1) out[at] = level(values[at]);
    return;
  }
  const mask = pixels.bytes === 1 ? 0xff : 0xffff;
  const table = new Uint32Array(mask + 1);
  const first = pixels.signed ? -(mask + 1) / 2 : 0;
  for (let value = first; value <= first + mask; value += 1) table[value & mask] = level(value);
  for (let at = 0; at < values.length; at += 1) out[at] = table[values[at] & mask];
}

/** Colour through a window on its 8 bits: brightness and contrast. */
function paintColour(out, values, window, inverted) {
  const toGrey = grey(window);
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value += 1) table[value] = 255 * (inverted ? 1 - toGrey(value) : toGrey(value));
  for (let at = 0, from = 0; at < out.length; at += 1, from += 3) {
    out[at] = (OPAQUE | (table[values[from + 2]] << 16) | (table[values[from + 1]] << 8) | table[values[from]]) >>> 0;
  }
}
