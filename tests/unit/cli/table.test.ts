import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../../cli/output/table.ts';

const HEADS = ['id', 'name'];

test('columns are as wide as their widest cell, and nothing follows the last one', () => {
  assert.deepEqual(
    formatTable(
      HEADS,
      [
        ['a', 'x'],
        ['long', 'yy'],
      ],
      undefined,
    ),
    ['id    name', 'a     x', 'long  yy'],
  );
  assert.deepEqual(formatTable(HEADS, [], 80), ['id  name']);
});

test('a line is cut to the terminal, and one that just fits is not', () => {
  assert.deepEqual(formatTable(HEADS, [['abc', 'defgh']], 10), ['id   name', 'abc  defgh']);
  assert.deepEqual(formatTable(HEADS, [['abc', 'defgh']], 9), ['id   name', 'abc  def…']);
});

test('what a device calls itself moves no cursor and begins no line', () => {
  assert.deepEqual(formatTable(['id'], [['a\u001b[2J\nb']], undefined), ['id', 'a\\x1b[2J\\nb']);
});
