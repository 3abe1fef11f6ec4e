import { parseAdmittedPack } from '../../contracts/admitted-pack.ts';
import { DEAD_LETTER_REASONS } from '../../contracts/dead-letter.ts';
import { findStores, withRedis } from '../admin/with-registry.ts';
import { DeadLetters, formatLetterName, parseLetterName, type LetterName, type StoredLetter } from './dead-letters.ts';

interface Choice {
  readonly reason?: string;
  readonly all: boolean;
}

const MOST_LISTED = 100_000;

export async function listLetters(options: {
  readonly reason?: string;
  readonly limit: string;
  readonly json: boolean;
}): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LISTED) {
    throw new Error(`--limit is from 1 to ${MOST_LISTED}`);
  }
  checkReason(options.reason);
  await withDeadLetters(async (letters) => {
    const listed: StoredLetter[] = [];
    let total = 0;
    for await (const letter of letters.all()) {
      if (options.reason !== undefined && letter.reason !== options.reason) continue;
      total += 1;
      if (listed.length < limit) listed.push(letter);
    }
    process.stdout.write(options.json ? formatJson(listed, total) : formatLines(listed, total));
  });
}

export async function showLetter(text: string): Promise<void> {
  const name = parseLetterName(text);
  await withDeadLetters(async (letters) => {
    const letter = await letters.find(name);
    if (letter === undefined) throw new Error(`there is no dead letter ${text}`);
    const { reason, entry, error, pack } = letter;
    const shown = {
      name: text,
      buried_at: timeOf(letter),
      reason,
      error,
      entry,
      pack: parseAdmittedPack(pack) ?? pack,
    };
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  });
}

export async function replayLetters(names: readonly string[], choice: Choice): Promise<void> {
  await changeLetters(names, choice, 'back in the log', (letters, name) => letters.replay(name));
}

export async function discardLetters(names: readonly string[], choice: Choice): Promise<void> {
  await changeLetters(names, choice, 'discarded', (letters, name) => letters.discard(name));
}

async function changeLetters(
  texts: readonly string[],
  choice: Choice,
  done: string,
  change: (letters: DeadLetters, name: LetterName) => Promise<boolean>,
): Promise<void> {
  const given = [texts.length > 0, choice.reason !== undefined, choice.all].filter(Boolean).length;
  if (given !== 1) throw new Error('say which: either their names, or --reason <reason>, or --all');
  checkReason(choice.reason);
  const names = texts.map(parseLetterName);
  await withDeadLetters(async (letters) => {
    const missing: string[] = [];
    let changed = 0;
    for (const name of names.length > 0 ? names : await chooseLetters(letters, choice)) {
      if (await change(letters, name)) changed += 1;
      else missing.push(formatLetterName(name));
    }
    process.stderr.write(`dead letters ${done}: ${changed}\n`);
    if (missing.length > 0) throw new Error(`not there: ${missing.join(', ')}`);
  });
}

/** Before any of them changes: what is replayed may come back while we go on. */
async function chooseLetters(letters: DeadLetters, { reason }: Choice): Promise<readonly LetterName[]> {
  const chosen: LetterName[] = [];
  for await (const { shard, id, reason: own } of letters.all()) {
    if (reason === undefined || own === reason) chosen.push({ shard, id });
  }
  return chosen;
}

async function withDeadLetters(use: (letters: DeadLetters) => Promise<void>): Promise<void> {
  const { DATABASE_URL: database, REDIS_URL: given } = process.env;
  const url = given ?? (database === undefined ? (await findStores()).redisUrl : undefined);
  if (url === undefined) throw new Error('set REDIS_URL: it is not known where the Redis of this platform is');
  await withRedis(url, (redis) => use(new DeadLetters(redis)));
}

function checkReason(reason: string | undefined): void {
  if (reason === undefined || DEAD_LETTER_REASONS.some((known) => known === reason)) return;
  throw new Error(`--reason is one of ${DEAD_LETTER_REASONS.join(', ')}`);
}

function timeOf({ buriedMs }: StoredLetter): string {
  return new Date(buriedMs).toISOString();
}

function formatJson(listed: readonly StoredLetter[], total: number): string {
  const letters = listed.map((letter) => {
    const pack = parseAdmittedPack(letter.pack);
    return {
      name: formatLetterName(letter),
      buried_at: timeOf(letter),
      reason: letter.reason,
      error: letter.error,
      device: pack?.device ?? null,
      readings: pack?.metric.length ?? null,
    };
  });
  return `${JSON.stringify({ total, letters })}\n`;
}

function formatLines(listed: readonly StoredLetter[], total: number): string {
  if (total === 0) return 'no dead letters\n';
  const lines = listed.map((letter) => {
    const pack = parseAdmittedPack(letter.pack);
    const what = pack === undefined ? '' : `  ${pack.device}, readings: ${pack.metric.length}`;
    const why = letter.error === '' ? '' : `  ${letter.error}`;
    return `${formatLetterName(letter)}  ${timeOf(letter)}  ${letter.reason}${what}${why}\n`;
  });
  const more = total > listed.length ? `and ${total - listed.length} more: see --limit\n` : '';
  return lines.join('') + more;
}
