/** Collects a body of bounded size. uWebSockets takes each chunk back on return, so every chunk is copied once. */
export class BodyCollector {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when the body has grown too large; what was collected is dropped then. */
  add(chunk: ArrayBuffer): boolean {
    this.#length += chunk.byteLength;
    if (this.#length > this.#maxBytes) {
      this.#chunks = [];
      return false;
    }
    this.#chunks.push(new Uint8Array(chunk.slice(0)));
    return true;
  }

  bytes(): Uint8Array {
    const [only] = this.#chunks;
    if (only !== undefined && this.#chunks.length === 1) return only;
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}
