/** Stack: the frames of a series; loads the one that is wanted, then its neighbours, a few at a time. */

import { pixelsOf } from "./pixels.js";

const PARALLEL = 3;
const AHEAD = 24;
const BEHIND = 8;

export class Stack {
  /** `told` has the addresses; `described` is what the server says of the frames. */
  constructor(told, described) {
    this.told = told;
    this.frames = described.frames.map(([uid, frame, look, number, along, hash]) => ({ uid, frame, look, number, along, hash }));
    this.looks = described.looks;
    this.leftOut = described.left_out;
    this.most = (navigator.deviceMemory || 4) >= 4 ? 384 << 20 : 128 << 20;
    this.kept = new Map();
    this.bytes = 0;
    this.under = new Map();
    this.tables = new Map();
    this.direction = 1;
    this.wanted = 0;
  }

  get length() {
    return this.frames.length;
  }

  look(index) {
    return this.looks[this.frames[index].look];
  }

  /** Where the frame is that the page began with. */
  indexOf(uid, frame) {
    const found = this.frames.findIndex((each) => each.uid === uid && each.frame === frame);
    return found < 0 ? Math.floor(this.length / 2) : found;
  }

  /** Whether a frame can be shown at once. */
  has(index) {
    return this.kept.has(index);
  }

  /** A frame's pixels. */
  load(index) {
    const pixels = this.kept.get(index);
    if (pixels) {
      this.kept.delete(index);
      this.kept.set(index, pixels);
      return Promise.resolve(pixels);
    }
    if (!this.under.has(index)) {
      const { uid, frame, hash } = this.frames[index];
      const promise = fetch(`${address(this.told.frame, uid, frame)}?v=${hash}`)
        .then(pixelsOf)
        .then((found) => this.keep(index, found))
        .finally(() => this.under.delete(index));
      this.under.set(index, promise);
    }
    return this.under.get(index);
  }

  keep(index, pixels) {
    this.kept.set(index, pixels);
    this.bytes += pixels.values.byteLength;
    for (const [other, old] of this.kept) {
      if (this.bytes <= this.most || other === index) break;
      this.kept.delete(other);
      this.bytes -= old.values.byteLength;
    }
    return pixels;
  }

  /** The look-up tables of a frame's object, null where it has none. */
  async tablesOf(index) {
    if (!this.look(index).tables) return null;
    const { uid } = this.frames[index];
    if (!this.tables.has(uid)) {
      const asked = fetch(address(this.told.tables, uid, 0)).then((response) => (response.ok ? response.json() : null));
      this.tables.set(uid, asked.catch(() => null));
    }
    return this.tables.get(uid);
  }

  /** Fetch what will be looked at next: more in the direction that somebody scrolls in. */
  prefetch(index) {
    if (index !== this.wanted) this.direction = Math.sign(index - this.wanted) || 1;
    this.wanted = index;
    this.pump();
  }

  pump() {
    while (this.under.size < PARALLEL) {
      const next = this.next();
      if (next < 0) return;
      this.load(next).catch(() => this.failed(next)).finally(() => this.pump());
    }
  }

  failed(index) {
    (this.broken ??= new Set()).add(index);
  }

  next() {
    for (let away = 1; away <= AHEAD; away += 1) {
      for (const [side, most] of [[this.direction, AHEAD], [-this.direction, BEHIND]]) {
        const index = this.wanted + side * away;
        if (away > most || index < 0 || index >= this.length) continue;
        if (!this.kept.has(index) && !this.under.has(index) && !this.broken?.has(index)) return index;
      }
    }
    return -1;
  }
}

/** An address with a UID and a frame put in. */
export function address(pattern, uid, frame) {
  return pattern.replace("/UID/", `/${encodeURIComponent(uid)}/`).replace("/FRAME/", `/${frame}/`);
}
