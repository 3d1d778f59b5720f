/** Actions: what buttons and keys do, one list for both. */

/** Each: name, words, key as it is written, keys as the browser names them, group of its button (none: no button). */
export const ACTIONS = [
  { name: "window", words: "Window", key: "W", keys: ["w"], group: "tools", tool: true, title: "Drag: window and level" },
  { name: "scroll", words: "Scroll", key: "S", keys: ["s"], group: "tools", tool: true, title: "Drag: through the images" },
  { name: "pan", words: "Pan", key: "P", keys: ["p"], group: "tools", tool: true, title: "Drag: move the image" },
  { name: "zoom", words: "Zoom", key: "Z", keys: ["z"], group: "tools", tool: true, title: "Drag: larger and smaller" },
  { name: "distance", words: "Distance", key: "D", keys: ["d"], group: "tools", tool: true, title: "Drag: measure a distance" },
  { name: "angle", words: "Angle", key: "A", keys: ["a"], group: "tools", tool: true, title: "Drag one leg, then drag to the end of the other" },
  { name: "invert", words: "Invert", key: "I", keys: ["i"], group: "turns", toggles: true, title: "Black for white" },
  { name: "rotate", words: "Rotate", key: "R", keys: ["r"], group: "turns", title: "A quarter turn to the right" },
  { name: "flipX", words: "Flip ↔", label: "Flip left and right", key: "H", keys: ["h"], group: "turns", toggles: true },
  { name: "flipY", words: "Flip ↕", label: "Flip top and bottom", key: "V", keys: ["v"], group: "turns", toggles: true },
  { name: "fit", words: "Fit", key: "F", keys: ["f"], group: "sizes", title: "The whole image" },
  { name: "natural", words: "1:1", label: "One to one", key: "O", keys: ["o"], group: "sizes", title: "A pixel of the image for one of the screen" },
  { name: "smaller", words: "−", label: "Smaller", key: "−", keys: ["-"], group: "sizes" },
  { name: "larger", words: "+", label: "Larger", key: "+", keys: ["+", "="], group: "sizes" },
  { name: "reset", words: "Reset", key: "0", keys: ["0"], group: "more", title: "As at first, without measures" },
  { name: "overlay", words: "Text", label: "Text on the image", key: "M", keys: ["m"], group: "more", toggles: true, title: "Patient, image and window on the image" },
  { name: "attributes", words: "Attributes", key: "T", keys: ["t"], group: "more", toggles: true, title: "DICOM attributes of this image" },
  { name: "full", words: "Full screen", key: "X", keys: ["x"], group: "more", toggles: true },
  { name: "help", words: "?", label: "Keys and gestures", key: "?", keys: ["?"], group: "more" },
  { name: "cine", words: "Play, stop", key: "Space", keys: [" "] },
  { name: "next", words: "Next image", key: "↓ →", keys: ["ArrowDown", "ArrowRight"] },
  { name: "previous", words: "Image before", key: "↑ ←", keys: ["ArrowUp", "ArrowLeft"] },
  { name: "forward", words: "Ten images on", key: "Page down", keys: ["PageDown"] },
  { name: "back", words: "Ten images back", key: "Page up", keys: ["PageUp"] },
  { name: "start", words: "First image", key: "Home", keys: ["Home"] },
  { name: "end", words: "Last image", key: "End", keys: ["End"] },
  { name: "wider", words: "More window", key: "Shift →", shift: "ArrowRight" },
  { name: "narrower", words: "Less window", key: "Shift ←", shift: "ArrowLeft" },
  { name: "higher", words: "Higher level", key: "Shift ↑", shift: "ArrowUp" },
  { name: "lower", words: "Lower level", key: "Shift ↓", shift: "ArrowDown" },
  { name: "unmeasure", words: "Remove the last measure", key: "Delete", keys: ["Delete", "Backspace"] },
  { name: "preset", words: "Windows by name, CT", key: "1 – 7", keys: [] },
];

/** Put the buttons in their groups; `act` is called with a name. */
export function buttons(part, act) {
  for (const { name, words, label, key, group, tool, toggles, title } of ACTIONS) {
    if (!group) continue;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "plain", textContent: words, title: `${title || label || words} (${key})` });
    button.dataset.act = name;
    button.dataset.testid = `act-${name}`;
    if (label) button.setAttribute("aria-label", label);
    if (tool || toggles) button.setAttribute("aria-pressed", "false");
    part(group).append(button);
  }
  document.querySelector("[data-viewer]").addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act(button.dataset.act);
  });
}

/** Let keys act, unless somebody writes or a dialog is open. */
export function keys(act, preset) {
  const plain = new Map(ACTIONS.flatMap(({ name, keys: each = [] }) => each.map((key) => [key, name])));
  const shifted = new Map(ACTIONS.filter(({ shift }) => shift).map(({ name, shift }) => [shift, name]));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.closest("input:not([type=range]), select, textarea, .panel-side .scrolls")) return;
    if (event.key === " " && target.closest("button, a, summary")) return;
    if (target.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const name = event.shiftKey && shifted.has(event.key) ? shifted.get(event.key) : plain.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!name && !(event.key >= "1" && event.key <= "9")) return;
    event.preventDefault();
    if (name) act(name);
    else preset(Number(event.key));
  });
}

/** Write the keys into the help dialog. */
export function explain(list) {
  for (const { words, label, key } of ACTIONS) {
    const [term, said, pair] = ["dt", "dd", "div"].map((name) => document.createElement(name));
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap);
    said.textContent = label || words;
    pair.append(term, said);
    list.append(pair);
  }
}
