import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type Field = readonly [name: string, value: string];

/** A request as bytes will have it: nothing is added, merged or corrected. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly Field[];
  readonly body: Uint8Array;
}

export interface RawResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export function encodeHead({ method, target, fields }: RawRequest): Buffer {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, 'latin1');
}

export function encodeRequest(request: RawRequest): Buffer {
  return Buffer.concat([encodeHead(request), request.body]);
}

export function encodeChunked(request: RawRequest, chunkBytes = 1000): Buffer {
  const head = encodeHead(withField(withoutField(request, 'Content-Length'), 'Transfer-Encoding', 'chunked'));
  const chunks: Uint8Array[] = [head];
  for (let at = 0; at < request.body.length; at += chunkBytes) {
    const chunk = request.body.subarray(at, at + chunkBytes);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
}

const named = (name: string) => (field: Field) => field[0].toLowerCase() === name.toLowerCase();

export function fieldOf(request: RawRequest, name: string): string {
  const field = request.fields.find(named(name));
  if (field === undefined) throw new Error(`the request has no ${name}`);
  return field[1];
}

export function withoutField(request: RawRequest, name: string): RawRequest {
  return { ...request, fields: request.fields.filter((field) => !named(name)(field)) };
}

/** Replaces the field, or adds it. */
export function withField(request: RawRequest, name: string, value: string): RawRequest {
  return withExtraField(withoutField(request, name), name, value);
}

/** Adds the field, also when there is one of that name. */
export function withExtraField(request: RawRequest, name: string, value: string): RawRequest {
  return { ...request, fields: [...request.fields, [name, value]] };
}

const HEAD_END = '\r\n\r\n';

/** A connection on which a test decides about every byte, and reads the responses in order. */
export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
    });
  }

  /** Resolves when the bytes are the kernel's, or the connection is gone. */
  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** Undefined when the server ends the connection without another response. */
  async read(): Promise<RawResponse | undefined> {
    for (;;) {
      const response = this.#take();
      if (response !== undefined || this.#ended) return response;
      await this.#changed();
    }
  }

  /** Resolves when more has arrived, or the connection has ended. */
  async #changed(): Promise<void> {
    const done = new AbortController();
    const { signal } = done;
    try {
      await Promise.race([once(this.#socket, 'data', { signal }), once(this.#socket, 'close', { signal })]);
    } finally {
      done.abort();
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  async untilEnded(): Promise<void> {
    if (!this.#ended) await once(this.#socket, 'close');
  }

  /** Closes with a reset, as a client that crashes may. */
  abort(): void {
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(): RawResponse | undefined {
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return undefined;
    const [statusLine = '', ...lines] = this.#received.toString('latin1', 0, headEnd).split('\r\n');
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const start = headEnd + HEAD_END.length;
    const length = headers.get('content-length');
    if (length === undefined ? !this.#ended : this.#received.length < start + Number(length)) return undefined;
    const end = length === undefined ? this.#received.length : start + Number(length);
    const body = this.#received.toString('utf8', start, end);
    this.#received = this.#received.subarray(end);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }
}

export async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return new RawConnection(socket);
}

/** Sends the bytes on a connection of their own; the server must answer. */
export async function exchange(port: number, bytes: Uint8Array): Promise<RawResponse> {
  using connection = await openConnection(port);
  void connection.write(bytes);
  const response = await connection.read();
  if (response === undefined) throw new Error('the connection ended without a response');
  return response;
}

export function send(port: number, request: RawRequest): Promise<RawResponse> {
  return exchange(port, encodeRequest(request));
}
