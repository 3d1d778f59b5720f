/** Pixels: a frame as the server sends it, and what its values are. */

const KINDS = { "1u": Uint8Array, "1s": Int8Array, "2u": Uint16Array, "2s": Int16Array, "4u": Uint32Array, "4s": Int32Array };
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A frame: rows, columns, samples a pixel (1, or 3: RGB), bytes a sample, signed, and values row by row. */
export async function pixelsOf(response) {
  if (!response.ok) throw new Error(await reason(response));
  const said = JSON.parse(response.headers.get("X-Frame"));
  const data = await response.arrayBuffer();
  const count = said.rows * said.columns * said.samples;
  if (data.byteLength !== count * said.bytes) throw new Error("the frame did not come whole");
  if (!littleEndian) swap(new Uint8Array(data), said.bytes);
  const Kind = KINDS[`${said.bytes}${said.signed ? "s" : "u"}`];
  return { ...said, values: new Kind(data) };
}

/** Why the server did not send it. */
async function reason(response) {
  try {
    return (await response.json()).error || `status ${response.status}`;
  } catch {
    return `status ${response.status}`;
  }
}

function swap(bytes, width) {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/**
 * The 0.5th and 99.5th percentile of the modality values, and the least and greatest; padding does not count. The most
 * frequent lowest and highest value are left out where they are more than a tenth: air and collimators.
 */
export function rangeOf(pixels, transform, padding) {
  const sample = [];
  const { values } = pixels;
  const step = Math.max(Math.floor(values.length / 60000), 1);
  for (let at = 0; at < values.length; at += step) {
    const value = values[at];
    if (padding && value >= padding[0] && value <= padding[1]) continue;
    sample.push(transform(value));
  }
  if (!sample.length) return { low: 0, high: 1, least: 0, greatest: 1 };
  let counted = Float64Array.from(sample).sort();
  const least = counted[0];
  const greatest = counted[counted.length - 1];
  for (const extreme of [least, greatest]) {
    const rest = counted.filter((value) => value !== extreme);
    if (rest.length && rest.length < 0.9 * sample.length) counted = rest;
  }
  const at = (share) => counted[Math.round(share * (counted.length - 1))];
  return { low: at(0.005), high: at(0.995), least, greatest };
}
