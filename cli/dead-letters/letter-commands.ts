import { parseAdmittedPack } from '../../contracts/admitted-pack.ts';
import { DEAD_LETTER_REASONS } from '../../contracts/dead-letter.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { confirm } from '../options/confirm.ts';
import { formatJson } from '../output/printable.ts';
import { openProgress } from '../output/progress.ts';
import { tellDone, tellResult, type OutputOptions } from '../output/tell.ts';
import { findRedis } from '../stores/find-stores.ts';
import { withRedis } from '../stores/with-stores.ts';
import { DeadLetters, formatLetterName, parseLetterName, type LetterName, type StoredLetter } from './dead-letters.ts';

interface Choice extends OutputOptions {
  readonly reason?: string;
  readonly all: boolean;
}

const MOST_LISTED = 100_000;

export async function listLetters(
  options: OutputOptions & { readonly reason?: string; readonly limit: string },
): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LISTED) {
    throw new UsageFailure(`--limit is from 1 to ${MOST_LISTED}`);
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
    tellResult(options, describe(listed, total), formatLines(listed, total));
  });
}

export async function showLetter(text: string, options: OutputOptions): Promise<void> {
  const name = parseLetterName(text);
  await withDeadLetters(async (letters) => {
    const letter = await letters.find(name);
    if (letter === undefined) throw new CommandFailure(`there is no dead letter ${text}`);
    const { reason, entry, error, pack } = letter;
    const shown = {
      name: text,
      buried_at: timeOf(letter),
      reason,
      error,
      entry,
      pack: parseAdmittedPack(pack) ?? pack,
    };
    tellResult(options, shown, formatJson(shown, 2).split('\n'));
  });
}

export async function replayLetters(names: readonly string[], choice: Choice): Promise<void> {
  await changeLetters(names, choice, { done: 'back in the log', change: (letters, name) => letters.replay(name) });
}

/** Asks before it discards letters that nobody has named. */
export async function discardLetters(
  names: readonly string[],
  choice: Choice & { readonly yes: boolean },
): Promise<void> {
  await changeLetters(names, choice, {
    done: 'discarded',
    change: (letters, name) => letters.discard(name),
    before: async (count) => {
      if (names.length > 0 || count === 0 || choice.yes) return;
      const question = `discard ${count} dead ${count === 1 ? 'letter' : 'letters'}, whose readings are gone then?`;
      await confirm(question, 'nothing is discarded');
    },
  });
}

interface LetterChange {
  /** What has become of them. */
  readonly done: string;
  readonly change: (letters: DeadLetters, name: LetterName) => Promise<boolean>;
  /** Once it is known how many they are. */
  readonly before?: (count: number) => Promise<void>;
}

async function changeLetters(
  texts: readonly string[],
  choice: Choice,
  { done, change, before }: LetterChange,
): Promise<void> {
  const given = [texts.length > 0, choice.reason !== undefined, choice.all].filter(Boolean).length;
  if (given !== 1) throw new UsageFailure('say which: either their names, or --reason <reason>, or --all');
  checkReason(choice.reason);
  const names = texts.map(parseLetterName);
  await withDeadLetters(async (letters) => {
    const chosen = names.length > 0 ? names : await chooseLetters(letters, choice);
    await before?.(chosen.length);
    const missing: string[] = [];
    let changed = 0;
    {
      using progress = openProgress('dead letters', chosen.length);
      for (const name of chosen) {
        if (await change(letters, name)) changed += 1;
        else missing.push(formatLetterName(name));
        await progress.advance();
      }
    }
    tellDone(choice, { changed, missing }, `dead letters ${done}: ${changed}`);
    if (missing.length > 0) throw new CommandFailure(`not there: ${missing.join(', ')}`);
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
  await withRedis(await findRedis(), (redis) => use(new DeadLetters(redis)));
}

function checkReason(reason: string | undefined): void {
  if (reason === undefined || DEAD_LETTER_REASONS.some((known) => known === reason)) return;
  throw new UsageFailure(`--reason is one of ${DEAD_LETTER_REASONS.join(', ')}`);
}

function timeOf({ buriedMs }: StoredLetter): string {
  return new Date(buriedMs).toISOString();
}

function describe(listed: readonly StoredLetter[], total: number): object {
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
  return { total, letters };
}

function formatLines(listed: readonly StoredLetter[], total: number): readonly string[] {
  if (total === 0) return ['no dead letters'];
  const lines = listed.map((letter) => {
    const pack = parseAdmittedPack(letter.pack);
    const what = pack === undefined ? '' : `  ${pack.device}, readings: ${pack.metric.length}`;
    const why = letter.error === '' ? '' : `  ${letter.error}`;
    return `${formatLetterName(letter)}  ${timeOf(letter)}  ${letter.reason}${what}${why}`;
  });
  return total > listed.length ? [...lines, `and ${total - listed.length} more: see --limit`] : lines;
}
