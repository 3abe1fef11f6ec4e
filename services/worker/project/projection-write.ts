import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Script } from '../../../platform/redis/script.ts';

export const PROJECTION_HASHES = [
  redisKeys.devices,
  redisKeys.apiKeys,
  redisKeys.rules,
  redisKeys.zones,
  redisKeys.enrolmentTokens,
  redisKeys.ipBlocks,
] as const;

/** A larger part would hold Redis up for more than a few milliseconds. */
const TRIPLES_PER_PART = 500;

/** Number of the hash among those of the projection, from 1; an empty value removes the field. */
export type Triple = readonly [hash: number, field: string, value: string];

/** One attempt to bring the projection from one version to another, in parts. Each answers false when another projector has overtaken it. */
export class ProjectionWrite {
  readonly #script: Script;
  readonly #writer: string;
  readonly #from: string;
  #begun = false;
  #changes = 0;

  /** @param from version that the projection is at, empty for none */
  constructor(script: Script, writer: string, from: string) {
    this.#script = script;
    this.#writer = writer;
    this.#from = from;
  }

  get changes(): number {
    return this.#changes;
  }

  async parts(triples: readonly Triple[]): Promise<boolean> {
    for (let start = 0; start < triples.length; start += TRIPLES_PER_PART) {
      if (!(await this.#send('', triples.slice(start, start + TRIPLES_PER_PART)))) return false;
    }
    return true;
  }

  /** From here on the projection is at this version, and everybody is told. */
  async finish(version: string): Promise<boolean> {
    return await this.#send(version, []);
  }

  async #send(to: string, triples: readonly Triple[]): Promise<boolean> {
    const step = this.#begun ? 'next' : 'first';
    this.#begun = true;
    this.#changes += triples.length;
    const reply = await this.#script(
      [redisKeys.registryVersion, redisKeys.registryWriter, ...PROJECTION_HASHES],
      [this.#from, to, redisChannels.registryChanged, this.#writer, step, ...triples.flat()],
    );
    return reply === 1;
  }
}
