/** Measure: distances and angles on an image, in mm where its header says how large a pixel is. */

const WORDS = { detector: " at the detector", nominal: " nominal", calibrated: " calibrated" };

/** Millimetres of a pixel across and down, and how that is known; null where nothing says so. */
export function scaleAt(look, places) {
  const region = look.regions.find((each) => places.every((place) => inside(each, place)));
  if (region) return { across: region[4], down: region[5], words: "" };
  if (look.spacing) return { across: look.spacing[1], down: look.spacing[0], words: WORDS[look.measured] || "" };
  return null;
}

function inside([left, top, right, bottom], { x, y }) {
  return x >= left && x <= right && y >= top && y <= bottom;
}

/** What a measure says: "41.3 mm", "120.5 px", "34.2°". */
export function words(measure, look) {
  const { kind, places } = measure;
  const scale = scaleAt(look, places) || { across: 1, down: look.aspect || 1, words: "", pixels: true };
  const [a, b, c] = places.map(({ x, y }) => ({ x: x * scale.across, y: y * scale.down }));
  if (kind === "distance") {
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    return `${length.toFixed(1)} ${scale.pixels ? "px" : "mm"}${scale.words}`;
  }
  if (!c) return "";
  const turn = Math.abs(Math.atan2(a.y - b.y, a.x - b.x) - Math.atan2(c.y - b.y, c.x - b.x));
  const degrees = (turn * 180) / Math.PI;
  return `${(degrees > 180 ? 360 - degrees : degrees).toFixed(1)}°`;
}

/** How many places a kind of measure takes. */
export const PLACES = { distance: 2, angle: 3 };

/** Draw measures: yellow on a dark edge, so that they stand out on any image. */
export function draw(context, measures, camera, look, ratio) {
  context.lineJoin = "round";
  context.font = `${14 * ratio}px system-ui, sans-serif`;
  for (const measure of measures) {
    const points = measure.places.map((place) => camera.toScreen(place));
    for (const [width, colour] of [[4 * ratio, "rgba(0,0,0,.7)"], [1.5 * ratio, "#ffd84d"]]) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.beginPath();
      points.forEach((point, number) => (number ? context.lineTo(point.x, point.y) : context.moveTo(point.x, point.y)));
      context.stroke();
      for (const point of points) {
        context.beginPath();
        context.arc(point.x, point.y, 4 * ratio, 0, 2 * Math.PI);
        context.stroke();
      }
    }
    const text = points.length > 1 ? words(measure, look) : "";
    const last = points[points.length - 1];
    context.lineWidth = 4 * ratio;
    context.strokeStyle = "rgba(0,0,0,.8)";
    context.strokeText(text, last.x + 8 * ratio, last.y - 8 * ratio);
    context.fillStyle = "#ffd84d";
    context.fillText(text, last.x + 8 * ratio, last.y - 8 * ratio);
  }
}
