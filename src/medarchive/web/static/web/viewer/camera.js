/** Camera: how the image lies on the screen: zoom, pan, turned, flipped. */

export class Camera {
  constructor() {
    this.reset();
  }

  /** As it was at first: fitted. */
  reset() {
    Object.assign(this, { fitted: true, scale: 1, x: 0, y: 0, turns: 0, flipX: false, flipY: false });
  }

  /** What it has to show, and where. Sizes in pixels of the screen. */
  measure(columns, rows, aspect, width, height) {
    Object.assign(this, { columns, rows, aspect: aspect > 0.1 && aspect < 10 ? aspect : 1, width, height });
    if (this.fitted) this.fit();
  }

  get upright() {
    return this.turns % 2 === 0;
  }

  fit() {
    const [wide, high] = [this.columns, this.rows * this.aspect];
    const [across, down] = this.upright ? [wide, high] : [high, wide];
    Object.assign(this, { fitted: true, scale: Math.min(this.width / across, this.height / down), x: 0, y: 0 });
  }

  /** One pixel of the image for one of the screen. */
  natural() {
    Object.assign(this, { fitted: false, scale: 1, x: 0, y: 0 });
  }

  /** Zoom, so that a place on the screen stays where it is. */
  zoom(factor, atX = this.width / 2, atY = this.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, 0.02), 64);
    const real = scale / this.scale;
    this.x = (atX - this.width / 2) * (1 - real) + this.x * real;
    this.y = (atY - this.height / 2) * (1 - real) + this.y * real;
    Object.assign(this, { scale, fitted: false });
  }

  pan(dx, dy) {
    Object.assign(this, { x: this.x + dx, y: this.y + dy, fitted: false });
  }

  /** Whether it is flipped, as the screen shows it: left and right, top and bottom. */
  get flipped() {
    return this.upright ? [this.flipX, this.flipY] : [this.flipY, this.flipX];
  }

  /** Flip it as the screen shows it: left and right, or top and bottom. */
  flip(sideways) {
    const axis = sideways === this.upright ? "flipX" : "flipY";
    this[axis] = !this[axis];
  }

  turn() {
    this.turns = (this.turns + 1) % 4;
    if (this.fitted) this.fit();
  }

  /** From places of the image (columns, rows) to the screen. */
  get matrix() {
    return new DOMMatrix()
      .translateSelf(this.width / 2 + this.x, this.height / 2 + this.y)
      .rotateSelf(90 * this.turns)
      .scaleSelf(this.flipX ? -this.scale : this.scale, (this.flipY ? -this.scale : this.scale) * this.aspect)
      .translateSelf(-this.columns / 2, -this.rows / 2);
  }

  toScreen(place) {
    const point = this.matrix.transformPoint(new DOMPoint(place.x, place.y));
    return { x: point.x, y: point.y };
  }

  toImage(x, y) {
    const point = this.matrix.inverse().transformPoint(new DOMPoint(x, y));
    return { x: point.x, y: point.y };
  }

  /** A direction on the screen, of unit length, in the image's: for the letters at its edges. */
  direction(dx, dy) {
    const turn = new DOMMatrix().rotateSelf(90 * this.turns).scaleSelf(this.flipX ? -1 : 1, this.flipY ? -1 : 1).inverse();
    const point = turn.transformPoint(new DOMPoint(dx, dy));
    return { x: Math.round(point.x), y: Math.round(point.y) };
  }
}
