import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const dockerfile = readFileSync('deploy/docker/Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, '');
const instructions = dockerfile
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name = '', ...words] = line.split(/\s+/);
    return { name, words };
  });
const all = (wanted: string) => instructions.filter(({ name }) => name === wanted).map(({ words }) => words);

/** Versions of the binary interface, which the names of native bindings end with. */
const MODULES_OF_NODE: Readonly<Record<string, number>> = { '22': 127, '24': 137 };

test('the build gets every folder and file that it compiles, and nothing that it does not name', () => {
  const [first, ...rules] = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(first, '*');
  const allowed = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  const { include } = JSON.parse(readFileSync('tsconfig.build.json', 'utf8')) as { include: string[] };
  const copied = all('COPY').flatMap((words) => (words[0]?.startsWith('--') ? [] : words.slice(0, -1)));
  const needed = [...include, ...copied.filter((path) => path !== '.'), 'tsconfig.json', 'tsconfig.build.json', 'sql'];
  assert.deepEqual(
    needed.filter((path) => !allowed.includes(path)),
    ['tests'],
  );
  assert.deepEqual(rules.slice(allowed.length), ['**/dist', '**/node_modules']);
});

test('uWebSockets.js has a binding for the Node of the image on both architectures', () => {
  for (const [image = ''] of all('FROM')) {
    const major = /^node:(\d+)-trixie-slim$/.exec(image)?.[1] ?? '';
    for (const arch of ['x64', 'arm64']) {
      const binding = `uws_linux_${arch}_${MODULES_OF_NODE[major] ?? image}.node`;
      assert.ok(existsSync(`node_modules/uWebSockets.js/${binding}`), binding);
    }
  }
});

test('a container has an init and a user that is a number and not root', () => {
  assert.deepEqual(all('ENTRYPOINT').at(-1), ['["/usr/bin/tini",', '"--"]']);
  assert.match(all('USER').at(-1)?.[0] ?? '', /^[1-9]\d*:[1-9]\d*$/);
});
