/** View: one frame on the canvas, with window, camera, letters and measures. */

import { Camera } from "./camera.js";
import { letters } from "./letters.js";
import { modality, paint } from "./lut.js";
import { draw } from "./measure.js";
import { rangeOf } from "./pixels.js";
import { presets, shows, stored } from "./presets.js";

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.film = document.createElement("canvas");
    this.camera = new Camera();
    this.window = null;
    this.inverted = false;
    this.measures = new Map();
    this.ratio = 1;
    this.changed = () => {};
  }

  /** Show a frame. `key` names it: measures are its own. */
  show(pixels, look, tables, key) {
    const sized = !this.pixels || pixels.columns !== this.film.width || pixels.rows !== this.film.height;
    const other = this.pixels?.samples !== pixels.samples;
    Object.assign(this, { pixels, look, tables, key });
    this.toModality = modality(look, tables);
    if (sized) {
      this.film.width = pixels.columns;
      this.film.height = pixels.rows;
      this.image = new ImageData(pixels.columns, pixels.rows);
      this.resize();
    }
    this.range = null;
    if (other) this.choose(this.first()); // a window of grey values says nothing of colour
    if (this.follows) this.window = this.follows.of(this.span);
    this.repaint();
  }

  /** Least and greatest value and percentiles; counted when somebody asks. */
  get span() {
    this.range ??= rangeOf(this.pixels, this.toModality, this.look.padding);
    return this.range;
  }

  get offered() {
    return presets(this.look, this.tables, this.pixels.samples === 3);
  }

  /** The object's own window, where it shows anything; otherwise one from its values. */
  first() {
    const offered = this.offered;
    const own = offered.find((each) => each.table || each.own) || offered[0];
    if (own.own && this.look.unit !== "HU" && !shows(own.of(), this.span)) {
      return offered.find((each) => each.name === "Automatic");
    }
    return own;
  }

  /** Take a preset; those that depend on the image go along with it. */
  choose(preset) {
    this.preset = preset.name;
    this.window = this.pixels.samples === 3 ? stored() : preset.of(this.span);
    this.follows = preset.own || preset.table ? { of: () => this.ownWindow(preset) } : null;
  }

  ownWindow(preset) {
    const same = this.offered.find((each) => each.name === preset.name);
    return (same || (preset.table ? this.first() : preset)).of(this.span);
  }

  /** Move window and level by shares of the width. */
  adjust(byWidth, byCentre) {
    if (this.window.kind === "TABLE") this.choose(this.offered.find((each) => each.name === "Automatic"));
    const { centre, width, kind } = this.window;
    const least = this.look.unit === "HU" || this.span.greatest - this.span.least > 100 ? 1 : 1e-3;
    this.window = { centre: centre + byCentre * width, width: Math.max(width * Math.exp(byWidth), least), kind };
    this.preset = "";
    this.follows = null;
    this.repaint();
  }

  /** The canvas has as many pixels as the screen under it. */
  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(Math.round(clientWidth * this.ratio), 1);
    this.canvas.height = Math.max(Math.round(clientHeight * this.ratio), 1);
    if (!this.pixels) return;
    this.camera.measure(this.pixels.columns, this.pixels.rows, this.look.aspect, this.canvas.width, this.canvas.height);
    this.redraw();
  }

  repaint() {
    const inverted = this.inverted !== (this.look.inverted && this.pixels.samples === 1);
    paint(this.image, this.pixels, this.look, this.window, inverted, this.tables);
    this.film.getContext("2d").putImageData(this.image, 0, 0);
    this.redraw();
  }

  /** Draw once before the screen shows the next picture, however often it is asked for. */
  redraw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
      this.changed();
    });
  }

  draw() {
    const { context, camera, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = camera.scale < 3;
    context.imageSmoothingQuality = "high";
    context.setTransform(camera.matrix);
    context.drawImage(this.film, 0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    letters(context, camera, this.look.axes, this.ratio);
    draw(context, this.measures.get(this.key) || [], camera, this.look, this.ratio);
  }

  /** What lies under a place on the screen: column, row and value; null beyond the image. */
  probe(x, y) {
    if (!this.pixels) return null;
    const place = this.camera.toImage(x, y);
    const [column, row] = [Math.floor(place.x), Math.floor(place.y)];
    const { columns, rows, samples, values } = this.pixels;
    if (column < 0 || row < 0 || column >= columns || row >= rows) return null;
    const at = (row * columns + column) * samples;
    if (samples === 3) return { column, row, text: `RGB ${values[at]}, ${values[at + 1]}, ${values[at + 2]}` };
    const value = this.toModality(values[at]);
    const number = Number.isInteger(value) ? value : value.toFixed(2);
    return { column, row, text: `${number}${this.look.unit ? ` ${this.look.unit}` : ""}` };
  }
}
