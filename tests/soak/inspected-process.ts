import { once } from 'node:events';
import { WebSocket } from 'ws';
import { z } from 'zod';

const targetsSchema = z.array(z.object({ webSocketDebuggerUrl: z.string() }));
const replySchema = z.object({
  id: z.int(),
  result: z.object({ result: z.object({ value: z.unknown() }).optional() }).optional(),
  error: z.object({ message: z.string() }).optional(),
});
const figuresSchema = z.object({ heapUsed: z.number(), resources: z.record(z.string(), z.int()) });

type Reply = z.infer<typeof replySchema>;

interface Settle {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** What is counted in a process of ours; evaluated there. */
const FIGURES = `(() => {
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const listeners = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
  resources['process listeners'] = listeners(process);
  return { heapUsed: process.memoryUsage().heapUsed, resources };
})()`;

export interface ProcessFigures {
  /** Bytes, after a full collection. */
  readonly heapUsed: number;
  /** Timers, sockets and the like that keep the process alive, by kind, and listeners of the process. */
  readonly resources: Readonly<Record<string, number>>;
}

/** A process that was started with --inspect, looked into from outside. */
export class InspectedProcess implements Disposable {
  readonly #socket: WebSocket;
  readonly #awaited = new Map<number, Settle>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const reply = replySchema.safeParse(JSON.parse(data.toString('utf8'))).data;
      if (reply === undefined) return;
      this.#awaited.get(reply.id)?.resolve(reply);
      this.#awaited.delete(reply.id);
    });
    socket.on('close', () => {
      for (const { reject } of this.#awaited.values()) reject(new Error('the process has ended'));
    });
  }

  static async connect(port: number): Promise<InspectedProcess> {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [target] = targetsSchema.parse(await response.json());
    if (target === undefined) throw new Error('the process cannot be inspected');
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await once(socket, 'open');
    return new InspectedProcess(socket);
  }

  async measure(): Promise<ProcessFigures> {
    await this.#call('HeapProfiler.collectGarbage', {});
    const { result } = await this.#call('Runtime.evaluate', { expression: FIGURES, returnByValue: true });
    return figuresSchema.parse(result?.result?.value);
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  async #call(method: string, params: object): Promise<Reply> {
    this.#last += 1;
    const id = this.#last;
    const replied = new Promise<Reply>((resolve, reject) => this.#awaited.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const reply = await replied;
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply;
  }
}
