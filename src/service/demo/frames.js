/* global document */
const MAX_SHOWN = 200;

/** The frames of a stream, newest last, as on the wire. All content is inserted as text. */
export class Frames {
  constructor(root) {
    this.root = root;
  }

  show({ event, id, data }) {
    const lines = [
      ['event', event],
      ['id', id],
      ['data', data],
    ].filter(([, value]) => value !== '');
    const frame = document.createElement('pre');
    frame.className = event.startsWith('feed.') ? 'control' : '';
    for (const [index, [name, value]] of lines.entries()) {
      const field = document.createElement('b');
      field.textContent = `${name}:`;
      frame.append(index > 0 ? '\n' : '', field, ` ${value}`);
    }
    this.add(frame);
  }

  /** Adds a remark between the frames. */
  note(text) {
    const note = document.createElement('pre');
    note.className = 'note';
    note.textContent = text;
    this.add(note);
  }

  add(line) {
    const { root } = this;
    const atEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 60;
    root.append(line);
    while (root.childElementCount > MAX_SHOWN) root.firstElementChild.remove();
    if (atEnd) root.scrollTop = root.scrollHeight;
  }
}
