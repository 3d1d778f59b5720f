// Uploads files in small batches, several at a time, and says of each what became of it.

const MOST_FILES = 24;
const MOST_BYTES = 32 << 20;
const AT_ONCE = 2;
const LISTED = 2000;
const TRIES = 4;

const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
const folder = document.getElementById("folder");
const panel = document.getElementById("progress");
const said = document.getElementById("said");
const whole = document.getElementById("all");
const body = document.querySelector("#list tbody");
const links = document.getElementById("links");
const stop = document.getElementById("stop");
const button = document.getElementById("send");
const details = document.querySelector("#upload details");

const queue = [];
const under = new Set();
const studies = new Set();
const count = { files: 0, done: 0, bytes: 0, sent: 0, stored: 0, duplicate: 0, refused: 0 };
let running = 0;

function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  for (; bytes >= 1000 && unit < 3; unit++) bytes /= 1000;
  return `${bytes.toFixed(unit && bytes < 100 ? 1 : 0)} ${units[unit]}`;
}

// A row of the list: name, size, progress, outcome.
function row(file, name) {
  if (count.files > LISTED) return null;
  const line = body.insertRow();
  line.insertCell().textContent = name;
  line.insertCell().textContent = size(file.size);
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Progress of ${name}`);
  line.insertCell().append(bar);
  line.insertCell().textContent = "waits";
  return line;
}

function add(file, path) {
  count.files++;
  count.bytes += file.size;
  const name = path || file.webkitRelativePath || file.name;
  const item = { file, name, line: row(file, name), tries: 0 };
  if (file.size) queue.push(item);
  else refuse(item, "the file is empty, or cannot be read");
}

function tell() {
  whole.max = Math.max(count.bytes, 1);
  whole.value = count.sent;
  const parts = [`${count.done} of ${count.files} files`, `${count.stored} stored`, `${count.duplicate} here already`,
    `${count.refused} refused`];
  said.textContent = unnamed()
    ? "There are pictures among them: say whose they are, then press Upload."
    : parts.join(" · ") + (running || queue.length ? "" : " · done");
  stop.hidden = !(running || queue.length);
  button.hidden = !unnamed();
}

function finish(item, outcomes) {
  count.done++;
  count.sent += item.file.size;
  const refused = outcomes.filter((one) => one.result === "refused");
  for (const one of outcomes) {
    count[one.result]++;
    if (one.result !== "refused" && one.study) studies.add(one.study);
  }
  if (!item.line) return;
  item.line.cells[2].firstChild.value = 1;
  const cell = item.line.cells[3];
  cell.className = refused.length ? "bad" : "good";
  if (refused.length) body.prepend(item.line);
  if (outcomes.length === 1) {
    cell.textContent = { stored: "stored", duplicate: "here already" }[outcomes[0].result] || `refused: ${outcomes[0].reason}`;
  } else if (!outcomes.length) {
    cell.textContent = "nothing in it";
  } else {
    cell.textContent = `${outcomes.length - refused.length} stored, ${refused.length} refused`;
    for (const one of refused.slice(0, 50)) {
      const line = document.createElement("div");
      line.textContent = `${one.name}: ${one.reason}`;
      cell.append(line);
    }
  }
}

function refuse(item, reason) {
  finish(item, [{ name: item.name, result: "refused", reason }]);
}

function show() {
  links.replaceChildren();
  if (!studies.size) return;
  const more = [...studies].slice(0, 20);
  links.append(studies.size === 1 ? "Study: " : `${studies.size} studies: `);
  more.forEach((uid, number) => {
    const link = document.createElement("a");
    link.href = `${form.dataset.studies}${encodeURIComponent(uid)}/`;
    link.textContent = uid;
    links.append(number ? ", " : "", link);
  });
}

function batch() {
  const items = [];
  let bytes = 0;
  while (queue.length && items.length < MOST_FILES && (!items.length || bytes + queue[0].file.size <= MOST_BYTES)) {
    const item = queue.shift();
    bytes += item.file.size;
    items.push(item);
  }
  return items;
}

function send(items) {
  return new Promise((resolve) => {
    const data = new FormData();
    for (const name of ["visit", "patient_id", "patient_name", "description", "study"]) data.append(name, form.elements[name].value);
    for (const item of items) data.append("files", item.file, item.file.name);
    const request = new XMLHttpRequest();
    under.add(request);
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
    const before = count.sent;
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      const share = event.loaded / event.total;
      for (const item of items) if (item.line) item.line.cells[2].firstChild.value = share;
      whole.value = before + share * items.reduce((sum, item) => sum + item.file.size, 0);
    };
    request.upload.onload = () => items.forEach((item) => item.line && (item.line.cells[3].textContent = "is being stored"));
    request.onloadend = () => {
      under.delete(request);
      resolve(request);
    };
    request.send(data);
  });
}

function why(request) {
  const reasons = { 0: "the connection broke", 403: "you have no right to upload, or your login ended", 413: "larger than what is taken here" };
  if (request.status === 200) return "your login ended"; // it was led to the login page
  return reasons[request.status] || `the archive answered ${request.status}`;
}

async function work() {
  running++;
  while (queue.length && !unnamed()) {
    const items = batch();
    const request = await send(items);
    let outcomes = null;
    try {
      outcomes = request.status === 200 ? JSON.parse(request.responseText).objects : null;
    } catch {
      outcomes = null;
    }
    if (outcomes) {
      items.forEach((item, number) => finish(item, outcomes.filter((one) => one.file === number)));
    } else if ([0, 429, 502, 503, 504].includes(request.status) && !request.stopped && items[0].tries < TRIES) {
      const wait = Number(request.getResponseHeader("Retry-After")) || 2 ** items[0].tries;
      items.forEach((item) => { item.tries++; if (item.line) item.line.cells[3].textContent = "is tried again"; });
      queue.unshift(...items);
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    } else {
      const reason = request.stopped ? "stopped" : why(request);
      for (const item of items) refuse(item, reason);
    }
    tell();
  }
  running--;
  tell();
  show();
}

// Pictures wait until somebody has said whose they are.
function unnamed() {
  const given = form.elements.patient_id.value.trim() || form.elements.study.value.trim();
  return !given && queue.some((item) => /\.(png|jpe?g)$/i.test(item.name));
}

function start() {
  if (!count.files) return;
  panel.hidden = false;
  tell();
  if (unnamed()) {
    details.open = true;
    form.elements.patient_id.focus();
    return;
  }
  while (running < AT_ONCE && running < Math.ceil(queue.length / MOST_FILES)) work();
}

// Folders that were dropped: every file below them.
async function walk(entry, path) {
  if (entry.isFile) {
    add(await new Promise((resolve) => entry.file(resolve, () => resolve({ size: 0 }))), path + entry.name);
  } else if (entry.isDirectory) {
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break;
      for (const one of some) await walk(one, `${path}${entry.name}/`);
    }
  }
}

drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...event.dataTransfer.files];
  try {
    if (entries.length) for (const entry of entries) await walk(entry, "");
    else files.forEach((file) => add(file));
  } finally {
    start(); // a folder that cannot be listed holds nothing else up
  }
});
for (const chooser of [input, folder]) {
  chooser.addEventListener("change", () => {
    [...chooser.files].forEach((file) => add(file));
    chooser.value = "";
    start();
  });
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
stop.addEventListener("click", () => {
  for (const item of queue.splice(0)) refuse(item, "stopped");
  for (const request of under) {
    request.stopped = true;
    request.abort();
  }
  tell();
});
window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

document.documentElement.classList.add("scripted");
document.querySelector('label[for="files"]').classList.add("button");
document.getElementById("folders").hidden = false;
button.hidden = true;
