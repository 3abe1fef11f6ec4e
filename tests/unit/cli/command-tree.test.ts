import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../../cli/program.ts';
import { runTelltale } from '../../support/command-line.ts';

interface Leaf {
  readonly path: string;
  readonly command: Command;
}

function leavesOf(command: Command, path = ''): readonly Leaf[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((each) => leavesOf(each, `${path} ${each.name()}`.trim()));
}

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  return help;
}

/** As a shell does, for what examples have in them. */
function wordsOf(line: string): readonly string[] {
  return (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
}

test('every command has examples, each of which runs that command', async () => {
  const leaves = leavesOf(createProgram());
  assert.ok(leaves.length >= 35, `${leaves.length} commands`);
  for (const { path, command } of leaves) {
    const [, listed = ''] = /\nExamples:\n(.*)$/s.exec(helpOf(command)) ?? [];
    const examples = listed.split('\n').filter((line) => line.trim() !== '');
    assert.notEqual(examples.length, 0, `telltale ${path} has no example`);
    for (const example of examples) {
      const program = createProgram();
      const reached: string[] = [];
      for (const leaf of leavesOf(program)) leaf.command.action(() => void reached.push(leaf.path));
      const [name, ...words] = wordsOf(example.replace(/ > .*$/, ''));
      assert.equal(name, 'telltale');
      await program.parseAsync([...words], { from: 'user' });
      assert.deepEqual(reached, [path], example);
    }
  }
});

test('every command can tell its result as JSON', () => {
  for (const { path, command } of leavesOf(createProgram())) {
    assert.ok(
      command.options.some(({ long }) => long === '--json'),
      path,
    );
  }
});

test('help is no failure, a command line that is wrong is 2 and one line, and what is refused is 1', async () => {
  for (const [args, code, said] of [
    [['--help'], 0, /^Usage: telltale/],
    [['devices', 'add', '--help'], 0, /--new-key <file>/],
    [[], 2, /^Usage: telltale/],
    [['devices'], 2, /^Usage: telltale devices/],
    [['device'], 2, /^telltale: unknown command 'device'\n\(Did you mean devices\?\)\n$/],
    [['devices', 'list', '--jsno'], 2, /^telltale: unknown option '--jsno'\n\(Did you mean --json\?\)\n$/],
    [['alerts', 'ack', 'x'], 2, /^telltale: required option '--by <name>' not specified\n$/],
    [['mute', 'x'], 2, /^telltale: --for <duration> is missing, such as 30m, 1h or 7d\n$/],
    [['backtest', '--rule', 'x', '--from', 'now', '--to', 'then'], 2, /It must be a time with its offset/],
    [['rules', 'apply', 'none.json'], 1, /^telltale: none\.json cannot be read: ENOENT.*\n$/],
    [['migrate'], 1, /^telltale: DATABASE_URL is not set.*\n$/],
  ] as const) {
    const run = await runTelltale(args, {});
    assert.equal(run.code, code, args.join(' '));
    assert.match(code === 0 ? run.stdout : run.stderr, said);
    assert.equal(code === 0 ? run.stderr : run.stdout, '');
  }
});
