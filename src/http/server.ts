import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpServer {
  readonly url: string;
  /** No new connections; requests inside are answered, at most for `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Listens.
 *
 * @throws Error of the system (`EADDRINUSE`, `EACCES`)
 */
export async function listen(app: RequestListener, { host, port }: { host: string; port: number }): Promise<HttpServer> {
  const server: Server = createServer(app);
  // A stream of records may take hours; what must not last is silence.
  server.requestTimeout = 0;
  server.setTimeout(120_000);
  server.headersTimeout = 20_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = address.address.includes(':') ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${address.port}`,
    async stop(graceMs = 10_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
