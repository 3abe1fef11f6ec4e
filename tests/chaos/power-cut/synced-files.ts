import { execFileSync } from 'node:child_process';
import { readFile, stat, truncate } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = 'tests/chaos/power-cut/note-syncs.c';

/** A server whose files can be cut to what it has synced, as a power cut does at worst. */
export class SyncedFiles {
  readonly #library: string;
  readonly #log: string;

  /** @param folder for the library and its notes */
  constructor(folder: string) {
    this.#library = join(folder, 'note-syncs.so');
    this.#log = join(folder, 'synced');
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', this.#library, findSource(), '-ldl']);
  }

  /** For the server's environment. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, NOTE_SYNCS_IN: this.#log };
  }

  /**
   * Of a server that was killed: takes from the file what was not synced. Answers how many bytes.
   *
   * @param writtenAnyway what the kernel has written by itself, as it does within half a minute
   */
  async cut(path: string, writtenAnyway: number): Promise<number> {
    const { size: before } = await stat(path);
    let synced = writtenAnyway;
    for (const line of existsSync(this.#log) ? (await readFile(this.#log, 'utf8')).split('\n') : []) {
      const [, size, file] = /^(\d+) (.*)$/.exec(line) ?? [];
      if (file === path) synced = Math.max(synced, Number(size));
    }
    await truncate(path, synced);
    return before - synced;
  }
}

/** The compiled code lies one folder further down than the source. */
function findSource(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const root of [join(here, '../../..'), join(here, '../../../..')]) {
    if (existsSync(join(root, SOURCE))) return join(root, SOURCE);
  }
  throw new Error(`${SOURCE} is missing`);
}
