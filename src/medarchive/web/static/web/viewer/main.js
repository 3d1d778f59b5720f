/** The viewer of a series: ties stack, view, gestures, keys and panel together. */

import { ACTIONS, buttons, explain, keys } from "./actions.js";
import { Gestures } from "./gestures.js";
import { Panel } from "./panel.js";
import { pixelsOf } from "./pixels.js";
import { address, Stack } from "./stack.js";
import { View } from "./view.js";

const root = document.querySelector("[data-viewer]");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const told = JSON.parse(document.getElementById("told").textContent);
const TOOLS = new Set(ACTIONS.filter(({ tool }) => tool).map(({ name }) => name));

class Viewer {
  constructor() {
    this.view = new View(part("canvas"));
    this.view.changed = () => this.say();
    this.panel = new Panel(part, told);
    this.index = 0;
    this.texts = true;
    buttons(part, (name) => this.act(name));
    keys((name) => this.act(name), (number) => this.byKey(number));
    explain(part("keys"));
    new Gestures(this);
    this.choose(matchMedia("(pointer: coarse)").matches ? "scroll" : "window");
    part("slider").addEventListener("input", (event) => this.go(event.target.valueAsNumber - 1));
    part("preset").addEventListener("change", (event) => this.preset(event.target.value));
    new ResizeObserver(() => this.view.resize()).observe(part("stage"));
    document.addEventListener("fullscreenchange", () => this.press());
  }

  /** The first image as soon as it is there, then what there is to know of all. */
  async begin() {
    const early = told.look && (await this.early().catch(() => null));
    const response = await fetch(told.frames);
    if (!response.ok) throw new Error(`the list of images: status ${response.status}`);
    this.stack = new Stack(told, await response.json());
    if (!this.stack.length) throw new Error("no image of this series can be read");
    const { slider, rate } = { slider: part("slider"), rate: part("rate") };
    slider.max = String(this.stack.length);
    slider.disabled = this.stack.length < 2;
    const { milliseconds } = this.stack.look(0);
    if (milliseconds) rate.value = String(Math.min(Math.max(Math.round(1000 / milliseconds), 1), 60));
    const first = this.stack.indexOf(...told.first);
    if (early && this.stack.frames[first].uid === told.first[0]) this.stack.keep(first, early);
    await this.go(first);
    this.arrived();
  }

  async early() {
    const [uid, frame, version] = told.first;
    const pixels = await pixelsOf(await fetch(`${address(told.frame, uid, frame)}?v=${version}`));
    this.view.show(pixels, told.look, null, `${uid} ${frame}`);
    this.state("");
    this.arrived();
    return pixels;
  }

  /** Note when the first image was there: milliseconds since the page was asked for. */
  arrived() {
    root.dataset.ready ??= String(Math.round(performance.now()));
  }

  /** Show an image; of several asked for in a row the last one counts. */
  async go(index) {
    if (!this.stack) return;
    const last = this.stack.length - 1;
    this.index = Math.min(Math.max(index, 0), last);
    const wanted = this.index;
    this.place();
    const late = setTimeout(() => this.state("Loading…"), this.stack.has(wanted) ? 60000 : 150);
    try {
      const [pixels, tables] = await Promise.all([this.stack.load(wanted), this.stack.tablesOf(wanted)]);
      this.stack.prefetch(wanted);
      if (wanted !== this.index) return;
      const { uid, frame } = this.stack.frames[wanted];
      this.view.show(pixels, this.stack.look(wanted), tables, `${uid} ${frame}`);
      this.offer();
      this.shown = wanted;
      this.state("");
      this.panel.show(uid);
    } catch (error) {
      if (wanted === this.index) this.state(`This image cannot be shown: ${error.message}`);
    } finally {
      clearTimeout(late);
    }
  }

  step(by) {
    if (this.stack) this.go(this.index + by);
  }

  /** Slider and number of the image. */
  place() {
    const { number } = this.stack.frames[this.index];
    part("slider").value = String(this.index + 1);
    part("slider").setAttribute("aria-valuetext", `image ${this.index + 1} of ${this.stack.length}`);
    part("position").textContent = `${this.index + 1} / ${this.stack.length}`;
    part("canvas").setAttribute("aria-label", `${told.modality} image ${this.index + 1} of ${this.stack.length}`);
    clearTimeout(this.speaks);
    this.speaks = setTimeout(() => {
      if (!this.playing) part("spoken").textContent = `Image ${this.index + 1} of ${this.stack.length}, number ${number}`;
    }, 600);
  }

  /** The texts in the corners below. */
  say() {
    if (!this.stack || !this.view.pixels) return;
    const at = this.shown ?? this.index;
    const { uid, frame, number, along } = this.stack.frames[at];
    const several = frame > 0 || this.stack.frames[at + 1]?.uid === uid;
    const look = this.view.look;
    const { window, camera } = this.view;
    lines(part("where"), [
      this.under ? `${this.under.text} at ${this.under.column}, ${this.under.row}` : "",
      along === null ? "" : `${along.toFixed(1)} mm${look.thickness ? ` · ${look.thickness} mm thick` : ""}`,
      `Image ${number}${several ? `, frame ${frame + 1}` : ""}`,
      `${at + 1} of ${this.stack.length}`,
    ]);
    const short = (value) => (Math.abs(value) >= 10 ? Math.round(value) : Number(value.toPrecision(3)));
    lines(part("shown"), [
      `${this.view.pixels.columns} × ${this.view.pixels.rows}`,
      `Zoom ${Math.round(100 * camera.scale)} %`,
      this.view.inverted ? "inverted" : "",
      window.kind === "TABLE" ? "Look-up table" : `W ${short(window.width)} · L ${short(window.centre)}${look.unit ? ` ${look.unit}` : ""}`,
    ]);
    part("preset").value = this.view.preset;
    this.press();
  }

  /** The value under the pointer. */
  probe(at) {
    this.under = at && this.view.probe(at.x, at.y);
    this.say();
  }

  measured() {
    const measures = this.view.measures.get(this.view.key) || [];
    root.dataset.measures = String(measures.length);
  }

  state(text) {
    part("state").textContent = text;
    part("state").hidden = !text;
  }

  /** The windows that there are for this image, with their keys. */
  offer() {
    const names = this.view.offered.map(({ name }) => name).join("\n");
    if (names === this.names) return;
    this.names = names;
    let keyed = 0;
    const options = this.view.offered.map(({ name, key }) => {
      const option = document.createElement("option");
      option.value = name;
      option.textContent = key ? `${name} (${(keyed += 1)})` : name;
      return option;
    });
    const own = document.createElement("option");
    Object.assign(own, { value: "", textContent: "By hand", hidden: true });
    part("preset").replaceChildren(...options, own);
  }

  preset(name) {
    const found = this.view.pixels && this.view.offered.find((each) => each.name === name);
    if (!found) return;
    this.view.choose(found);
    this.view.repaint();
  }

  byKey(number) {
    const named = this.view.pixels ? this.view.offered.filter(({ key }) => key) : [];
    if (named[number - 1]) this.preset(named[number - 1].name);
  }

  choose(tool) {
    this.tool = tool;
    part("canvas").dataset.tool = tool;
    this.press();
  }

  /** Which buttons are pressed. */
  press() {
    const [flipX, flipY] = this.view.camera.flipped;
    const on = { invert: this.view.inverted, flipX, flipY, overlay: this.texts };
    Object.assign(on, { attributes: this.panel.open, full: Boolean(document.fullscreenElement) });
    for (const button of root.querySelectorAll("[data-act][aria-pressed]")) {
      const { act } = button.dataset;
      button.setAttribute("aria-pressed", String(TOOLS.has(act) ? act === this.tool : Boolean(on[act])));
    }
  }

  act(name) {
    if (TOOLS.has(name)) this.choose(name);
    else if (this.view.pixels) ACTS[name]?.(this, this.view, this.view.camera);
  }

  play() {
    if (!this.stack) return;
    if (this.playing) {
      clearTimeout(this.playing);
      this.playing = 0;
    } else {
      this.tick();
    }
    root.querySelector('[data-act="cine"]').textContent = this.playing ? "Stop" : "Play";
  }

  /** The next image when its time has come and it is there: a film waits rather than leaves images out. */
  tick() {
    const rate = Math.min(Math.max(Number(part("rate").value) || 10, 1), 60);
    const began = performance.now();
    this.playing = setTimeout(async () => {
      await this.go((this.index + 1) % this.stack.length);
      if (this.playing) this.tick();
    }, Math.max(1000 / rate - (began - (this.ticked || began) > 1000 / rate ? 5 : 0), 1));
    this.ticked = began;
  }
}

const turned = (change) => (_, view, camera) => {
  change(camera);
  view.redraw();
};

const ACTS = {
  invert: (_, view) => {
    view.inverted = !view.inverted;
    view.repaint();
  },
  rotate: turned((camera) => camera.turn()),
  flipX: turned((camera) => camera.flip(true)),
  flipY: turned((camera) => camera.flip(false)),
  fit: turned((camera) => camera.fit()),
  natural: turned((camera) => camera.natural()),
  smaller: turned((camera) => camera.zoom(1 / 1.25)),
  larger: turned((camera) => camera.zoom(1.25)),
  reset: (viewer, view, camera) => {
    camera.reset();
    view.inverted = false;
    view.measures.clear();
    view.choose(view.first());
    view.resize();
    view.repaint();
    viewer.measured();
  },
  overlay: (viewer) => {
    viewer.texts = !viewer.texts;
    part("stage").classList.toggle("bare", !viewer.texts);
    viewer.press();
  },
  attributes: (viewer) => {
    viewer.panel.toggle(viewer.stack?.frames[viewer.index].uid ?? told.first[0]);
    viewer.press();
  },
  "attributes-close": (viewer) => {
    viewer.panel.toggle("");
    viewer.press();
    root.querySelector('[data-act="attributes"]').focus();
  },
  full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.()),
  help: () => part("help").showModal(),
  cine: (viewer) => viewer.play(),
  next: (viewer) => viewer.step(1),
  previous: (viewer) => viewer.step(-1),
  forward: (viewer) => viewer.step(10),
  back: (viewer) => viewer.step(-10),
  start: (viewer) => viewer.go(0),
  end: (viewer) => viewer.go(viewer.stack.length - 1),
  wider: (_, view) => view.adjust(0.1, 0),
  narrower: (_, view) => view.adjust(-0.1, 0),
  higher: (_, view) => view.adjust(0, 0.05),
  lower: (_, view) => view.adjust(0, -0.05),
  unmeasure: (viewer, view) => {
    view.measures.get(view.key)?.pop();
    view.redraw();
    viewer.measured();
  },
};

function lines(element, texts) {
  const found = texts.filter(Boolean).map((text) => {
    const line = document.createElement("span");
    line.textContent = text;
    return line;
  });
  element.replaceChildren(...found);
}

const viewer = new Viewer();
viewer.begin().catch((error) => viewer.state(`This series cannot be shown: ${error.message}`));
