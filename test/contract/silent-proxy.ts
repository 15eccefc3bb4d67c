import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server on which connections can go silent for ever, as behind a firewall that forgot them. */
export class SilentProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(target: number): Promise<SilentProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new SilentProxy(server);
    server.on('connection', (near) => {
      const far = connect({ port: target, host: '127.0.0.1' });
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

  /** Nothing passes any more on the connections that are open now; new ones work. */
  silence(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
