/** Panel: the DICOM attributes of the image that is shown. */

import { address } from "./stack.js";

const FAILED = { depth: 0, tag: "", name: "", value: "The attributes cannot be shown now." };

export class Panel {
  constructor(part, told) {
    Object.assign(this, { part, told, uid: "", open: false });
    part("filter").addEventListener("input", () => this.filter());
  }

  toggle(uid) {
    this.open = !this.open;
    this.part("panel").hidden = !this.open;
    if (this.open) {
      this.show(uid);
      this.part("panel").focus();
    }
  }

  /** Fill it with an object's attributes, where it is open. */
  async show(uid) {
    if (!this.open || uid === this.uid) return;
    this.uid = uid;
    const rows = await fetch(address(this.told.attributes, uid, 0))
      .then((response) => (response.ok ? response.json() : null))
      .then((said) => said && said.rows)
      .catch(() => null);
    if (uid !== this.uid) return;
    if (!rows) this.uid = ""; // to be asked for again
    this.part("attributes").replaceChildren(...(rows || [FAILED]).map(row));
    this.filter();
  }

  filter() {
    const wanted = this.part("filter").value.trim().toLowerCase();
    for (const each of this.part("attributes").rows) each.hidden = !each.textContent.toLowerCase().includes(wanted);
  }
}

function row({ depth, tag, name, value }) {
  const line = document.createElement("tr");
  line.className = `depth-${depth}`;
  for (const [text, kind] of [[tag, "number"], [name, "name"], [value, ""]]) {
    const cell = line.insertCell();
    cell.textContent = text;
    if (kind) cell.className = kind;
  }
  return line;
}
