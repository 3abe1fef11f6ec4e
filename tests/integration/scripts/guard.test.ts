import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
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

test('what a command started ends when the command is killed with SIGKILL', async () => {
  const parent = spawn(process.execPath, [holder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as unknown[];
  const child = Number(line);
  assert.ok(isAlive(child));
  parent.kill('SIGKILL');
  await eventually(() => assert.ok(!isAlive(child), 'the child lives'));
});
