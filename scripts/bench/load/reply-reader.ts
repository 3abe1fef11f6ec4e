export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

const HEAD_END = '\r\n\r\n';
const STATUS = /^HTTP\/1\.1 (\d{3}) /;
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

/** Reads the replies of one connection that has one request under way at a time. */
export class ReplyReader {
  #text = '';

  /** Undefined while the reply is incomplete. Throws for what is not the one reply that was asked for. */
  read(chunk: Buffer): HttpReply | undefined {
    this.#text += chunk.toString('latin1');
    const headEnd = this.#text.indexOf(HEAD_END);
    if (headEnd < 0) return undefined;
    const status = STATUS.exec(this.#text)?.[1];
    const length = CONTENT_LENGTH.exec(this.#text.slice(0, headEnd + 2))?.[1];
    if (status === undefined || length === undefined) throw new Error('not an HTTP/1.1 reply with a Content-Length');
    const bodyStart = headEnd + HEAD_END.length;
    const end = bodyStart + Number(length);
    if (this.#text.length < end) return undefined;
    if (this.#text.length > end) throw new Error('more bytes than one reply');
    const body = this.#text.slice(bodyStart);
    this.#text = '';
    return { status: Number(status), body };
  }
}
