/** Presets: windows that people of the field know by name, in HU; and those that every image has. */

const CT = [
  ["Soft tissue", 40, 400],
  ["Lung", -600, 1500],
  ["Bone", 400, 1800],
  ["Brain", 40, 80],
  ["Abdomen", 60, 350],
  ["Mediastinum", 50, 350],
  ["Stroke", 35, 35],
];

/** The windows on offer for a look and its tables: { name, of(range) }, of gives { centre, width, kind }. */
export function presets(look, tables, colour) {
  if (colour) return [{ name: "As stored", of: () => stored() }];
  const found = [];
  if (tables?.voi) found.push({ name: "Look-up table of the image", table: true, of: () => ({ centre: 0, width: 1, kind: "TABLE" }) });
  if (look.window) {
    const [centre, width, kind] = look.window;
    found.push({ name: "Window of the image", own: true, of: () => ({ centre, width, kind }) });
  }
  found.push({ name: "Automatic", of: (range) => between(range.low, range.high) });
  found.push({ name: "Full range", of: (range) => between(range.least, range.greatest) });
  if (look.unit === "HU") {
    found.push(...CT.map(([name, centre, width]) => ({ name, key: true, of: () => ({ centre, width, kind: "LINEAR" }) })));
  }
  return found;
}

/** Colour as it is. */
export function stored() {
  return { centre: 127.5, width: 255, kind: "LINEAR_EXACT" };
}

function between(low, high) {
  return { centre: (low + high) / 2, width: Math.max(high - low, 1e-6), kind: "LINEAR_EXACT" };
}

/** Whether a window shows anything of such values: not all black, nor all white. */
export function shows(window, range) {
  return range.least < window.centre + window.width / 2 && range.greatest > window.centre - window.width / 2;
}
