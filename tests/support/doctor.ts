import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

/** A folder with our program and all its packages, but with this in place of uWebSockets.js. */
export async function installWithBinding(source: string): Promise<AsyncDisposable & { readonly program: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-binding-'));
  for (const part of ['cli', 'core', 'contracts', 'platform', 'services', 'clients', 'sql']) {
    await cp(join('dist', part), join(folder, 'dist', part), { recursive: true });
  }
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'uWebSockets.js'), { recursive: true });
  for (const name of await readdir('node_modules')) {
    if (name !== 'uWebSockets.js') await symlink(resolve('node_modules', name), join(modules, name));
  }
  await writeFile(join(modules, 'uWebSockets.js', 'package.json'), '{"name": "uWebSockets.js", "main": "index.js"}');
  await writeFile(join(modules, 'uWebSockets.js', 'index.js'), source);
  return {
    program: join(folder, 'dist/cli/main.js'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
