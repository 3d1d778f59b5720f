/** Gestures: mouse, pen and fingers on the canvas. */

import { PLACES } from "./measure.js";

const STEP = 12;

export class Gestures {
  constructor(viewer) {
    this.viewer = viewer;
    this.view = viewer.view;
    this.canvas = viewer.view.canvas;
    this.pointers = new Map();
    this.scrolled = 0;
    const on = (name, act, options) => this.canvas.addEventListener(name, act, options);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.up(event));
    on("pointerleave", () => viewer.probe(null));
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("dblclick", () => viewer.tool in PLACES || viewer.act("fit"));
  }

  /** Where an event is, in pixels of the canvas. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * this.view.ratio, y: (event.clientY - box.top) * this.view.ratio };
  }

  down(event) {
    if (!this.view.pixels) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size > 1) {
      this.drop();
      return;
    }
    this.list = this.measures(); // of the image that is dragged on, whatever a film shows meanwhile
    this.tool = event.button === 2 ? "zoom" : event.button === 1 || event.shiftKey ? "pan" : this.viewer.tool;
    this.began = this.at(event);
    if (event.button === 1) event.preventDefault();
    if (this.tool in PLACES) this.place(event);
  }

  /** The first or next place of a measure; an angle's third one comes with a second drag. */
  place(event) {
    const last = this.list[this.list.length - 1];
    const place = this.view.camera.toImage(...Object.values(this.at(event)));
    if (last && last.open && last.kind === this.tool) last.places.push(place);
    else this.list.push({ kind: this.tool, places: [place, { ...place }], open: true });
    this.view.redraw();
  }

  measures() {
    const { measures, key } = this.view;
    if (!measures.has(key)) measures.set(key, []);
    return measures.get(key);
  }

  /** Leave out a measure that was only begun. */
  drop() {
    if (this.list[this.list.length - 1]?.open) this.list.pop();
    this.view.redraw();
  }

  move(event) {
    const now = this.at(event);
    if (!this.pointers.has(event.pointerId)) {
      this.viewer.probe(now);
      return;
    }
    const before = this.pointers.get(event.pointerId);
    if (this.pointers.size > 1) this.pinch(event.pointerId, now);
    else this.drag(before, now);
    this.pointers.set(event.pointerId, now);
  }

  /** Two fingers: the place between them stays between them. */
  pinch(id, now) {
    const [other] = [...this.pointers].filter(([each]) => each !== id).map(([, place]) => place);
    const before = this.pointers.get(id);
    const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    const [from, to] = [middle(before, other), middle(now, other)];
    const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1);
    this.view.camera.pan(to.x - from.x, to.y - from.y);
    this.view.camera.zoom(factor, to.x, to.y);
    this.view.redraw();
  }

  drag(before, now) {
    const [dx, dy] = [(now.x - before.x) / this.view.ratio, (now.y - before.y) / this.view.ratio];
    if (this.tool === "window") this.view.adjust(dx / 200, dy / 300);
    else if (this.tool === "pan") this.view.camera.pan(now.x - before.x, now.y - before.y);
    else if (this.tool === "zoom") this.view.camera.zoom(Math.exp(-dy / 150), this.began.x, this.began.y);
    else if (this.tool === "scroll") this.scroll(dy);
    else this.stretch(now);
    this.view.redraw();
    this.viewer.probe(now);
  }

  stretch(now) {
    const last = this.list[this.list.length - 1];
    if (last?.open) last.places[last.places.length - 1] = this.view.camera.toImage(now.x, now.y);
  }

  scroll(pixels) {
    this.scrolled += pixels;
    const steps = Math.trunc(this.scrolled / STEP);
    this.scrolled -= steps * STEP;
    if (steps) this.viewer.step(steps);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (!(this.tool in PLACES)) return;
    const last = this.list[this.list.length - 1];
    if (!last?.open) return;
    const [end, before] = last.places.slice(-2).map((place) => this.view.camera.toScreen(place));
    if (Math.hypot(end.x - before.x, end.y - before.y) < 3 * this.view.ratio) this.list.pop();
    else last.open = last.places.length < PLACES[last.kind];
    this.view.redraw();
    this.viewer.measured();
  }

  wheel(event) {
    event.preventDefault();
    if (event.ctrlKey) {
      const { x, y } = this.at(event);
      this.view.camera.zoom(Math.exp(-event.deltaY / 300), x, y);
      this.view.redraw();
      return;
    }
    const lines = event.deltaMode === 0 ? event.deltaY / 40 : event.deltaY;
    this.scrolled += Math.abs(lines) < 1 ? lines * STEP : Math.sign(lines) * STEP;
    this.scroll(0);
  }
}
