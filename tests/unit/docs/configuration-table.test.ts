import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import { composeVariables } from '../../support/compose-file.ts';
import { describeSettings, withConfigurationTable } from '../../../scripts/docs/configuration-table.ts';

const settings = describeSettings();

test('the table of settings is what the schemas say; "npm run docs:configuration" writes it', () => {
  const page = readFileSync('docs/operations.md', 'utf8');
  assert.equal(page, withConfigurationTable(page));
});

test('every setting says what it means, in one row of one table', () => {
  assert.ok(settings.length > 60);
  assert.equal(new Set(settings.map(({ name }) => name)).size, settings.length, 'a setting is there twice');
  for (const { name, meaning = '' } of settings) {
    assert.ok(meaning.length > 0, `${name} has no description`);
    assert.doesNotMatch(meaning, /[|\n]|\.$/, `${name}: one cell, no sentence`);
  }
});

test('.env.example and the table have the same settings with the same defaults', () => {
  const example = parseEnv(readFileSync('.env.example', 'utf8').replaceAll(/^#(?=[A-Z_]+=)/gm, ''));
  const names = Object.keys(example).filter((name) => !composeVariables().has(name));
  assert.deepEqual(names.sort(), settings.map(({ name }) => name).sort());
  const commentedOut = new Set(
    [...readFileSync('.env.example', 'utf8').matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name),
  );
  for (const { name, byDefault } of settings) {
    if (!commentedOut.has(name) || byDefault?.constant === false) continue;
    assert.equal(example[name], byDefault?.text ?? '', name);
  }
});
