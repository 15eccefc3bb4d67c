import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

/** A name server on loopback, as containers have one: it knows one name. */
export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers questions for `name` with these IPv4 addresses, all others with NXDOMAIN (RFC 1035, 4.1). */
export async function startDns(name: string, addresses: () => readonly string[]): Promise<DnsServer> {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  socket.on('message', (query, { port, address }) => {
    const question = query.subarray(12);
    const end = question.indexOf(0);
    const known = question.toString('latin1', 1, end).toLowerCase() === name;
    const isA = question.readUInt16BE(end + 1) === 1;
    const found = known && isA ? addresses().filter((text) => isIPv4(text)) : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    // Each: the name of the question, type A, class IN, good for a second, four bytes.
    const records = found.map((text) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...text.split('.').map(Number)]),
    );
    socket.send(Buffer.concat([header, question.subarray(0, end + 5), ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
