import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { runTelltale, type CommandPlace } from './command-line.ts';
import type { ServiceSettings } from './process.ts';

const resultSchema = z.strictObject({
  ok: z.boolean(),
  checks: z.array(
    z.strictObject({
      check: z.string(),
      level: z.enum(['ok', 'warning', 'problem']),
      found: z.string(),
      fix: z.string().optional(),
    }),
  ),
});
export type Diagnosis = z.infer<typeof resultSchema>;

/** What doctor says, whose exit code has to agree with it. */
export async function diagnose(settings: ServiceSettings, place?: CommandPlace): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runTelltale(['doctor', '--json'], settings, place);
  assert.equal(stderr, '');
  const diagnosis = resultSchema.parse(JSON.parse(stdout));
  assert.equal(code, diagnosis.ok ? 0 : 1, stdout);
  return diagnosis;
}

/** The one finding of a check, with its fix. */
export function assertFinds(
  { checks }: Diagnosis,
  check: string,
  level: 'warning' | 'problem',
  { found, fix }: { readonly found: RegExp; readonly fix: RegExp },
): void {
  const findings = checks.filter((each) => each.check === check && each.level === level);
  const [finding] = findings.filter((each) => found.test(each.found));
  assert.ok(finding !== undefined, `${check} does not find ${found.source}: ${JSON.stringify(checks)}`);
  assert.match(finding.fix ?? '', fix);
}

/** A library that sets the clock of the program that it is preloaded into. */
export async function buildOtherTime(
  aheadS: number,
): Promise<AsyncDisposable & { readonly environment: ServiceSettings }> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-other-time-'));
  const library = join(folder, 'other-time.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, 'tests/support/other-time.c']);
  return {
    environment: { LD_PRELOAD: library, OTHER_TIME_AHEAD_S: String(aheadS) },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
