const LENGTH_16 = 126;
const LENGTH_64 = 127;
const TEXT = 1;

/** The frames of one WebSocket connection of a server (RFC 6455 section 5), as far as a load generator needs them. */
export class FrameReader {
  #kept: Buffer | undefined;

  /** Calls with the content of each text frame that is complete; it is gone when the call returns. */
  read(chunk: Buffer, onText: (bytes: Buffer, start: number, end: number) => void): void {
    const bytes = this.#kept === undefined ? chunk : Buffer.concat([this.#kept, chunk]);
    this.#kept = undefined;
    let at = 0;
    while (at + 2 <= bytes.length) {
      const opcode = (bytes[at] ?? 0) & 0x0f;
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const start = at + 2 + (short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0);
      if (start > bytes.length) break;
      const length =
        short === LENGTH_16
          ? bytes.readUInt16BE(at + 2)
          : short === LENGTH_64
            ? Number(bytes.readBigUInt64BE(at + 2))
            : short;
      if (start + length > bytes.length) break;
      if (opcode === TEXT) onText(bytes, start, start + length);
      at = start + length;
    }
    if (at < bytes.length) this.#kept = Buffer.from(bytes.subarray(at));
  }
}
