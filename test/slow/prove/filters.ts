/** Takes bytes that come from a server and returns those to be passed on. */
export type Filter = (chunk: Buffer) => Buffer;

const NOTHING = Buffer.alloc(0);
const MESSAGE = Buffer.from('*3\r\n$7\r\nmessage\r\n');
const NOTIFICATION_RESPONSE = 0x41;

/** Takes NotificationResponse out of what Postgres sends (protocol 3.0: a type, a length that counts itself, a body). */
export function withoutNotifications(dropping: () => boolean): Filter {
  return framed(
    (buffer, at) => (buffer.length - at < 5 ? -1 : at + 1 + buffer.readInt32BE(at + 1)),
    (message) => dropping() && message[0] === NOTIFICATION_RESPONSE,
  );
}

/** Takes the messages of channels out of what Redis sends (RESP2). */
export function withoutMessages(dropping: () => boolean): Filter {
  return framed(endOfReply, (reply) => dropping() && reply.subarray(0, MESSAGE.length).equals(MESSAGE));
}

/** Cuts a stream into messages, whatever the chunks, and leaves some out. What is incomplete waits for its rest. */
function framed(endOf: (buffer: Buffer, at: number) => number, drop: (message: Buffer) => boolean): Filter {
  let rest: Buffer = NOTHING;
  return (chunk) => {
    const buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const kept: Buffer[] = [];
    let at = 0;
    for (let end = endOf(buffer, at); end !== -1 && end <= buffer.length; end = endOf(buffer, at)) {
      const message = buffer.subarray(at, end);
      if (!drop(message)) kept.push(message);
      at = end;
    }
    rest = buffer.subarray(at);
    return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
  };
}

/** Where the reply that begins at `at` ends; -1 if that cannot be told yet. */
function endOfReply(buffer: Buffer, at: number): number {
  const lineEnd = buffer.indexOf('\r\n', at);
  if (lineEnd === -1) return -1;
  const after = lineEnd + 2;
  const count = (): number => Number(buffer.toString('latin1', at + 1, lineEnd));
  switch (String.fromCharCode(buffer[at] ?? 0)) {
    case '$': {
      const length = count();
      return length < 0 ? after : after + length + 2;
    }
    case '*': {
      let end = after;
      for (let left = count(); left > 0 && end !== -1 && end <= buffer.length; left--)
        end = endOfReply(buffer, end);
      return end;
    }
    default:
      return after;
  }
}
