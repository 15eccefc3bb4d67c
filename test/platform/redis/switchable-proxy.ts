import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** One address in front of several servers: connections stay with the server that they were made to when the target changes. */
export class SwitchableProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** The port of the server that new connections reach. */
    public target: number,
  ) {}

  static async start(target: number): Promise<SwitchableProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new SwitchableProxy(server, target);
    server.on('connection', (near) => {
      const far = connect({ port: proxy.target, host: '127.0.0.1' });
      for (const socket of [near, far]) {
        proxy.sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => proxy.sockets.delete(socket));
      }
      near.pipe(far);
      far.pipe(near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
