import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { Registry } from 'prom-client';
import { StartupError } from '../lifecycle/startup-error.ts';

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  /** Name of the setting that the port comes from. */
  readonly setting: string;
  readonly registry: Registry;
  /** What is not ready yet, in words; empty when the service can do its work. */
  readonly unready: () => readonly string[];
}

/** Longer than the pause between two scrapes: who asks on a connection that is just being closed gets no answer. */
const KEEP_ALIVE_MS = 75_000;

/** `/metrics`, `/healthz` (the process answers) and `/readyz` (it can do its work), on a port that only operators reach. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      void this.#answer(request.url ?? '').then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type }).end(body);
      });
    });
  }

  async listen(): Promise<void> {
    const { host, port, setting } = this.#options;
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch {
      throw new StartupError(
        `Port ${port} on ${host} is in use or not ours to take. Stop what uses it, or set ${setting}.`,
      );
    }
  }

  async #answer(path: string): Promise<{ status: number; type: string; body: string }> {
    const text = 'text/plain; charset=utf-8';
    switch (path) {
      case '/metrics':
        return { status: 200, type: this.#options.registry.contentType, body: await this.#options.registry.metrics() };
      case '/healthz':
        return { status: 200, type: text, body: 'ok\n' };
      case '/readyz': {
        const missing = this.#options.unready();
        return missing.length === 0
          ? { status: 200, type: text, body: 'ready\n' }
          : { status: 503, type: text, body: `${missing.join('\n')}\n` };
      }
      default:
        return { status: 404, type: text, body: 'not found\n' };
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
