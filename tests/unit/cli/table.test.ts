import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../../cli/output/table.ts';

const HEADS = ['id', 'name'];

test('columns are as wide as their widest cell, and nothing follows the last one', () => {
  assert.equal(
    formatTable(
      HEADS,
      [
        ['a', 'x'],
        ['long', 'yy'],
      ],
      undefined,
    ),
    'id    name\na     x\nlong  yy\n',
  );
  assert.equal(formatTable(HEADS, [], 80), 'id  name\n');
});

test('a line is cut to the terminal, and one that just fits is not', () => {
  assert.equal(formatTable(HEADS, [['abc', 'defgh']], 10), 'id   name\nabc  defgh\n');
  assert.equal(formatTable(HEADS, [['abc', 'defgh']], 9), 'id   name\nabc  def…\n');
});

test('what a device calls itself moves no cursor and begins no line', () => {
  assert.equal(formatTable(['id'], [['a\u001b[2J\nb']], undefined), 'id\na?[2J?b\n');
});
