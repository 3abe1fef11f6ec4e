import { localAddressOf } from '../../../firmware-sim/transport/local-address.ts';
import { LoadConnection } from '../load/load-connection.ts';

export interface FloodResult {
  readonly perS: number;
  /** Replies by status. */
  readonly statuses: ReadonlyMap<number, number>;
}

export interface FloodOptions {
  readonly port: number;
  /** One for each connection, sent over and over. */
  readonly requests: readonly Uint8Array[];
  readonly firstAddress: number;
}

/** Connections that send as fast as they are answered, and connect again when they are thrown out. */
export class Flood {
  readonly #port: number;
  readonly #requests: readonly Buffer[];
  readonly #firstAddress: number;
  readonly #statuses = new Map<number, number>();
  #connections: LoadConnection[] = [];
  #startedMs = 0;
  #stopped = false;

  constructor(options: FloodOptions & { readonly requests: readonly Buffer[] }) {
    this.#port = options.port;
    this.#requests = options.requests;
    this.#firstAddress = options.firstAddress;
  }

  async start(): Promise<void> {
    this.#startedMs = performance.now();
    await Promise.all(this.#requests.map((request, index) => this.#connect(request, index)));
  }

  stop(): FloodResult {
    this.#stopped = true;
    for (const connection of this.#connections) connection.abort('the time is over');
    const replies = [...this.#statuses.values()].reduce((sum, count) => sum + count, 0);
    return { perS: (replies * 1000) / (performance.now() - this.#startedMs), statuses: this.#statuses };
  }

  async #connect(request: Buffer, index: number): Promise<void> {
    const target = { port: this.#port, localAddress: localAddressOf(this.#firstAddress + index) };
    const connection = new LoadConnection(target, {
      next: () => request,
      replied: ({ status }) => this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1),
      broken: () => undefined,
      ended: () => {
        this.#connections = this.#connections.filter((each) => each !== connection);
        if (!this.#stopped) void this.#connect(request, index);
      },
    });
    this.#connections.push(connection);
    await connection.open();
    connection.start();
  }
}
