/** Letters: which side of the patient lies at an edge of the screen (PS3.3 C.7.6.1.1.1). */

const NAMES = [["L", "R"], ["P", "A"], ["H", "F"]];

function named(vector) {
  return vector
    .map((size, axis) => ({ size: Math.abs(size), letter: NAMES[axis][size < 0 ? 1 : 0] }))
    .filter(({ size }) => size > 0.3)
    .sort((a, b) => b.size - a.size)
    .slice(0, 2)
    .map(({ letter }) => letter)
    .join("");
}

/** Draw them at the four edges. */
export function letters(context, camera, axes, ratio) {
  if (!axes) return;
  const [across, down] = [axes.slice(0, 3), axes.slice(3)];
  context.font = `600 ${15 * ratio}px system-ui, sans-serif`;
  context.fillStyle = "#ffd84d";
  context.strokeStyle = "rgba(0,0,0,.8)";
  context.lineWidth = 3 * ratio;
  const { width, height } = camera;
  const inset = 14 * ratio;
  const edges = [[1, 0, width - inset, height / 2], [-1, 0, inset, height / 2], [0, 1, width / 2, height - inset], [0, -1, width / 2, inset]];
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [dx, dy, x, y] of edges) {
    const { x: u, y: v } = camera.direction(dx, dy);
    const text = named(across.map((part, axis) => part * u + down[axis] * v));
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
  context.textAlign = "start";
  context.textBaseline = "alphabetic";
}
