import { extname } from 'node:path';
import { Piscina, queueOptionsSymbol, type PiscinaTask } from 'piscina';
import { shardOf } from '../../../contracts/shard.ts';
import type { VerifierName } from '../../../platform/crypto/signature-verifier.ts';
import type { Envelope, EnvelopeHead, Verification, VerifyBatch } from './envelope.ts';
import { fromColumns, type VerifiedBatch } from './verified-batch.ts';

export interface VerifyPoolOptions {
  readonly verifier: VerifierName;
  readonly threads: number;
  readonly maxReadingAgeUs: number;
  readonly maxReadingAheadUs: number;
}

/**
 * One at a time costs a quarter of the throughput. With 64 the results come in bursts between which the other core idles:
 * 64 connections on 2 cores get 7 to 10 percent less than with 16. Watch verify_queue_depth.
 */
const MAX_BATCH = 16;
/** One batch is worked on while the next one waits in the thread's port, so that a thread never idles between two. */
const BATCHES_PER_LANE = 2;
/** Keys of 2.8 kB: 28 MB a thread. */
const MAX_CACHED_KEYS = 10_000;
/** Envelopes waiting: about half a second of work for one thread; beyond that a client is better told to come back. */
const MAX_WAITING_PER_LANE = 8192;

interface Waiting {
  readonly envelope: Envelope;
  readonly settle: (verification: Verification) => void;
  readonly fail: (error: unknown) => void;
}

interface Lane {
  waiting: Waiting[];
  batchesUnderWay: number;
}

/**
 * Threads that verify and parse. A device always goes to the same thread, because a thread keeps the keys that it has
 * imported. Batches form by themselves: what arrives while a thread is busy goes to it together.
 */
export class VerifyPool {
  readonly #piscina: Piscina<VerifyBatch, VerifiedBatch>;
  readonly #lanes: readonly Lane[];
  readonly #observeSeconds: (seconds: number) => void;
  /** When all threads can work. Rejects when one cannot. */
  readonly ready: Promise<unknown>;

  /** @param observeSeconds from handing a batch to a thread to its verdicts */
  constructor(options: VerifyPoolOptions, observeSeconds: (seconds: number) => void = () => undefined) {
    this.#observeSeconds = observeSeconds;
    this.#lanes = Array.from({ length: options.threads }, () => ({ waiting: [], batchesUnderWay: 0 }));
    this.#piscina = new Piscina({
      filename: new URL(`./verify-thread${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: options.threads,
      maxThreads: options.threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: BATCHES_PER_LANE,
      workerData: { ...options, maxCachedKeys: MAX_CACHED_KEYS },
      // Workers are numbered as they start; one that died is replaced by a higher number, and the lanes shift once.
      loadBalancer: (task, workers) => {
        const inOrder = workers.toSorted((a, b) => a.id - b.id);
        return inOrder[laneOf(task) % Math.max(1, inOrder.length)] ?? null;
      },
    });
    this.ready = Promise.all(this.#lanes.map((_, lane) => this.#piscina.run(taskFor(lane, []))));
    // Who closes the pool before it was ready need not ask.
    this.ready.catch(() => undefined);
  }

  get threads(): number {
    return this.#lanes.length;
  }

  get waiting(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.waiting.length, 0);
  }

  /** Undefined when too many envelopes wait already. */
  verify(envelope: Envelope): Promise<Verification> | undefined {
    const index = shardOf(envelope.deviceId, this.#lanes.length);
    const lane = this.#lanes[index];
    if (lane === undefined || lane.waiting.length >= MAX_WAITING_PER_LANE) return undefined;
    return new Promise((settle, fail) => {
      lane.waiting.push({ envelope, settle, fail });
      // The rest of this event-loop turn may bring more for the same batch.
      if (lane.waiting.length === 1) setImmediate(() => this.#send(lane, index));
    });
  }

  async close(): Promise<void> {
    // Node 20 aborts the whole process when a thread is terminated while it loads its modules.
    await this.ready.catch(() => undefined);
    await this.#piscina.destroy();
  }

  #send(lane: Lane, index: number): void {
    while (lane.waiting.length > 0 && lane.batchesUnderWay < BATCHES_PER_LANE) {
      const batch = lane.waiting.slice(0, MAX_BATCH);
      lane.waiting = lane.waiting.slice(MAX_BATCH);
      lane.batchesUnderWay += 1;
      void this.#run(batch, index).finally(() => {
        lane.batchesUnderWay -= 1;
        this.#send(lane, index);
      });
    }
  }

  async #run(batch: readonly Waiting[], index: number): Promise<void> {
    const task = taskFor(index, batch);
    const startedMs = performance.now();
    try {
      const verified = await this.#piscina.run(task, { transferList: [task.bytes.buffer] });
      this.#observeSeconds((performance.now() - startedMs) / 1000);
      const verifications = fromColumns(verified);
      for (const [position, waiting] of batch.entries()) {
        const verification = verifications[position];
        if (verification === undefined) waiting.fail(new Error('a verify thread answered for fewer envelopes'));
        else waiting.settle(verification);
      }
    } catch (error) {
      for (const waiting of batch) waiting.fail(error);
    }
  }
}

function taskFor(lane: number, batch: readonly Waiting[]) {
  return { ...packTogether(batch), [queueOptionsSymbol]: { lane } };
}

function laneOf(task: PiscinaTask): number {
  const options: unknown = Reflect.get(task, queueOptionsSymbol);
  return typeof options === 'object' && options !== null && 'lane' in options ? Number(options.lane) : 0;
}

function packTogether(batch: readonly Waiting[]): VerifyBatch & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const lengths: number[] = [];
  let length = 0;
  for (const { envelope } of batch) {
    lengths.push(envelope.signature.length, envelope.signed.length, envelope.content.length);
    length += envelope.signature.length + envelope.signed.length + envelope.content.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  const append = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  for (const { envelope } of batch) {
    append(envelope.signature);
    append(envelope.signed);
    append(envelope.content);
  }
  const column = <Name extends keyof EnvelopeHead>(name: Name): EnvelopeHead[Name][] =>
    batch.map(({ envelope }) => envelope[name]);
  return {
    deviceId: column('deviceId'),
    key: column('key'),
    publicKey: column('publicKey'),
    digestBase64: column('digestBase64'),
    mediaType: column('mediaType'),
    nonce: column('nonce'),
    createdUs: column('createdUs'),
    receivedUs: column('receivedUs'),
    bytes,
    lengths,
  };
}
