/* global fetch, setTimeout, TextDecoderStream */
// A feed as an async sequence of frames. EventSource cannot send a header, and two users on one page cannot share a cookie:
// that is why this page reads with fetch. A page with one signed-in user needs nothing but EventSource.

/**
 * Reads a feed until `signal` aborts, over any number of breaks: after each it goes on behind the last id it saw.
 *
 * @param {object} feed where it stands, kept by the caller: `lastEventId` and `retryMs` are written here.
 * @param {() => Promise<string>} token asked again after each refusal.
 * @param {(frame: object | null) => void} take gets each frame, and `null` when the connection broke.
 */
export async function follow(feed, token, take, signal) {
  while (!signal.aborted) {
    try {
      const response = await fetch('/v1/stream', {
        headers: { Authorization: `Bearer ${await token()}`, 'Last-Event-ID': feed.lastEventId },
        signal,
      });
      if (!response.ok) throw new Error(`The stream answered ${response.status}.`);
      for await (const frame of frames(response.body)) {
        if (frame.id !== undefined) feed.lastEventId = frame.id;
        if (frame.retry !== undefined) feed.retryMs = frame.retry;
        take(frame);
      }
    } catch {
      // Refused, cut or aborted: the loop knows what to do.
    }
    if (signal.aborted) return;
    take(null);
    await new Promise((resolve) => setTimeout(resolve, feed.retryMs));
  }
}

async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    // A frame without its blank line was cut off and comes again.
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) if (part.trim() !== '') yield parse(part.replace(/^\n+/, ''));
  }
}

function parse(raw) {
  const frame = { raw, event: 'message', data: '' };
  for (const line of raw.split('\n')) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === 'event') frame.event = value;
    else if (name === 'id') frame.id = value;
    else if (name === 'data') frame.data += value;
    else if (name === 'retry') frame.retry = Number(value);
  }
  return frame;
}
