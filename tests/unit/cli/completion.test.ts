import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatBash } from '../../../cli/completion/bash-completion.ts';
import { walkCommands } from '../../../cli/completion/command-tree.ts';
import { formatFish } from '../../../cli/completion/fish-completion.ts';
import { formatZsh } from '../../../cli/completion/zsh-completion.ts';
import { createProgram } from '../../../cli/program.ts';

const nodes = walkCommands(createProgram());

/** What bash offers for the last of these words. */
function complete(words: readonly string[], cwd = '/'): readonly string[] {
  const ask = [
    formatBash(nodes),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length - 1}`,
    '_telltale',
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', ask], { encoding: 'utf8', cwd });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes every command and every option of it', () => {
  for (const { path, subcommands, options } of nodes) {
    const offered = complete(['telltale', ...path.split(' ').filter((word) => word !== ''), '']);
    for (const { name } of [...subcommands, ...options]) assert.ok(offered.includes(name), `telltale ${path} ${name}`);
  }
});

test('bash completes what has been begun, behind arguments and options too', () => {
  assert.deepEqual(complete(['telltale', 'dev']), ['devices']);
  assert.deepEqual(complete(['telltale', 'alerts', 'a']), ['ack']);
  assert.deepEqual(complete(['telltale', 'devices', 'add', 'dev-1', '--new']), ['--new-key']);
  assert.deepEqual(complete(['telltale', 'devices', 'add', '--lat', '']), [], 'nothing of ours is a latitude');
  assert.deepEqual(complete(['telltale', 'completion', 'z']), ['zsh']);
  assert.deepEqual(
    complete(['telltale', 'send', 'devices', 'list', '--api']),
    ['--api-key-file', '--api-key'],
    'a device may have any name',
  );
});

test('bash completes files where files are wanted', () => {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-completion-'));
  try {
    writeFileSync(join(folder, 'zones.geojson'), '');
    assert.deepEqual(complete(['telltale', 'zones', 'import', 'zo'], folder), ['zones.geojson']);
    assert.deepEqual(complete(['telltale', 'send', 'a', 'b', '1', '--key', 'zo'], folder), ['zones.geojson']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the scripts for zsh and fish are whole', () => {
  const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;
  // Written so that bash, which is everywhere, can read it as well.
  for (const shell of ['bash', ...(isThere('zsh') ? ['zsh'] : [])]) {
    const { status, stderr } = spawnSync(shell, ['-n'], { input: formatZsh(nodes), encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  }
  const fish = formatFish(nodes);
  if (isThere('fish')) assert.equal(spawnSync('fish', ['-n'], { input: fish }).status, 0);
  for (const line of fish.split('\n')) {
    const quotes = line.replace(/\\./g, '').match(/'/g) ?? [];
    assert.equal(quotes.length % 2, 0, line);
  }
  for (const { path, subcommands, options } of nodes) {
    for (const { name } of subcommands) {
      assert.ok(formatZsh(nodes).includes(`'${name}:`), name);
      assert.ok(fish.includes(`'test (__telltale_path) = "${path}"' -f -a ${name} `), name);
    }
    for (const { name } of options) assert.ok(fish.includes(`= "${path}"' -l ${name.slice(2)} `), `${path} ${name}`);
  }
});
