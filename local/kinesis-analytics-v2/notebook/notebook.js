const LOOK_MS = 1000;
const api = new URL('api/notebook', document.baseURI).pathname;
const at = (id) => document.getElementById(id);

// The token has become a cookie; it need not stay in the address bar.
history.replaceState(null, '', location.pathname);

async function zeppelin(method, path) {
  const response = await fetch(api + path, { method });
  const text = await response.text();
  const answer = response.headers.get('content-type') === 'application/json' ? JSON.parse(text) : { message: text };
  if (!response.ok) throw new Error(answer.message);
  return answer.body;
}

async function act(method, path) {
  try {
    await zeppelin(method, path);
  } catch (error) {
    return report(error);
  }
  await look();
}

function report(error) {
  at('problem').textContent = error ? error.message : '';
  at('problem').hidden = !error;
}

let noteId;
let shown = '';

async function look() {
  try {
    noteId ??= (await zeppelin('GET', ''))[0]?.id;
    if (noteId === undefined) throw new Error('This application has no note: it was created without TextContent.');
    const note = await zeppelin('GET', `/${noteId}`);
    report();
    const json = JSON.stringify(note);
    if (json !== shown) draw(note);
    shown = json;
  } catch (error) {
    report(error);
  }
}

function draw(note) {
  document.title = `${note.name} - Studio notebook`;
  at('name').textContent = note.name;
  const running = note.paragraphs.filter(({ status }) => status === 'RUNNING').length;
  at('state').textContent = note.info.isRunning
    ? 'running from top to bottom'
    : `${running} of ${note.paragraphs.length} paragraphs running`;
  at('run-all').disabled = note.info.isRunning;
  at('stop-all').disabled = running === 0;
  for (const [index, paragraph] of note.paragraphs.entries()) drawParagraph(paragraph, index);
  for (const extra of [...at('paragraphs').children].slice(note.paragraphs.length)) extra.remove();
}

function drawParagraph({ id, title, text, status, results, runtimeInfos }, index) {
  const name = title || `Paragraph ${index + 1}`;
  let section = at('paragraphs').children[index];
  if (!section) {
    section = at('paragraph').content.firstElementChild.cloneNode(true);
    section.querySelector('.run').addEventListener('click', () => act('POST', `/job/${noteId}/${section.dataset.id}`));
    section.querySelector('.stop').addEventListener('click', () => act('DELETE', `/job/${noteId}/${section.dataset.id}`));
    at('paragraphs').append(section);
  }
  section.dataset.id = id;
  section.setAttribute('aria-label', name);
  section.querySelector('h2').textContent = name;
  section.querySelector('code').textContent = text;
  const state = section.querySelector('.status');
  state.textContent = status;
  state.dataset.status = status;
  const isRunning = status === 'RUNNING' || status === 'PENDING';
  for (const [button, disabled] of [
    ['run', isRunning],
    ['stop', !isRunning],
  ]) {
    section.querySelector(`.${button}`).disabled = disabled;
    section.querySelector(`.${button}`).setAttribute('aria-label', `${button === 'run' ? 'Run' : 'Stop'} ${name}`);
  }
  const job = section.querySelector('.job');
  const address = runtimeInfos.jobUrl?.values[0]?.jobUrl;
  job.hidden = address === undefined;
  if (address !== undefined) job.href = address;
  section
    .querySelector('.results')
    .replaceChildren(...(results?.msg ?? []).map((message) => drawResult(message, results.code === 'ERROR', name)));
}

function drawResult({ type, data }, isError, name) {
  if (type === 'TABLE') return drawTable(data, name);
  const pre = document.createElement('pre');
  pre.textContent = data;
  pre.classList.toggle('error', isError);
  return pre;
}

function drawTable(data, name) {
  const [head = [], ...rows] = data
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
  const table = document.createElement('table');
  table.setAttribute('aria-label', `Result of ${name}`);
  const header = table.createTHead().insertRow();
  for (const column of head) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = column;
    header.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) line.insertCell().textContent = value;
  }
  const frame = document.createElement('div');
  frame.className = 'table';
  frame.tabIndex = 0;
  frame.append(table);
  return frame;
}

at('run-all').addEventListener('click', () => act('POST', `/job/${noteId}`));
at('stop-all').addEventListener('click', () => act('DELETE', `/job/${noteId}`));

async function keepLooking() {
  await look();
  setTimeout(keepLooking, LOOK_MS);
}
await keepLooking();
