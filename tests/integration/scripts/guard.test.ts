import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { eventually } from '../../support/eventually.ts';

const holder = fileURLToPath(new URL('../../support/guard-holder.js', import.meta.url));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The processes that this one has started and that are alive. */
async function childrenOf(parent: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map(async (pid) => {
      // Behind the name of the program, which may have anything in it: the state and the parent.
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    }),
  );
  const children: number[] = [];
  for (const pid of pids.filter((_pid, index) => parents[index] === parent)) {
    // What loads TypeScript sources has a process of its own.
    if (!(await commandLineOf(pid)).some((word) => word.endsWith('/esbuild'))) children.push(pid);
  }
  return children;
}

async function commandLineOf(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
}

/** Ends where it is evaluated a second time, so that a guard that does so is found and does no harm. */
const GUARDED = (guard: string): string => `
  if (process.env.GUARDED === 'yes') process.exit();
  process.env.GUARDED = 'yes';
  const { openGuard } = await import(${JSON.stringify(guard)});
  openGuard();
  setTimeout(() => console.log('open'), 1000);
  setInterval(() => undefined, 1000);
`;

for (const [name, loader, guard] of [
  ['compiled', [], pathToFileURL(resolve('dist/scripts/process/guard.js')).href],
  ['source', ['--import', 'tsx'], pathToFileURL(resolve('scripts/process/guard.ts')).href],
] as const) {
  test(`a guard of evaluated code, ${name}: one process, which evaluates nothing again and ends with it`, async () => {
    const args = [...loader, '--input-type=module', '-e', GUARDED(guard)];
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let guardian = 0;
    try {
      await once(createInterface({ input: parent.stdout }), 'line');
      const children = await childrenOf(parent.pid ?? 0);
      assert.equal(children.length, 1, 'one guardian');
      [guardian = 0] = children;
      assert.deepEqual(await childrenOf(guardian), [], 'which starts nothing');
      const words = await commandLineOf(guardian);
      assert.ok(!words.includes('-e'), words.join(' '));
    } finally {
      parent.kill('SIGKILL');
    }
    await eventually(() => assert.ok(!isAlive(guardian), 'the guardian lives'));
  });
}

test('what a command started ends when the command is killed with SIGKILL', async () => {
  const parent = spawn(process.execPath, [holder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as unknown[];
  const child = Number(line);
  assert.ok(isAlive(child));
  parent.kill('SIGKILL');
  await eventually(() => assert.ok(!isAlive(child), 'the child lives'));
});
