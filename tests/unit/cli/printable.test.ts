import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatJson, printable, printableLines } from '../../../cli/output/printable.ts';

test('control characters are shown and not obeyed', () => {
  assert.equal(printable('a\u001b[2Jb\r\nc\td\u0007\u007f\u009b1m'), 'a\\x1b[2Jb\\r\\nc\\td\\x07\\x7f\\x9b1m');
  assert.equal(printable('Erdbeben in Köln, 地震 🌋'), 'Erdbeben in Köln, 地震 🌋');
  assert.equal(printableLines('one\ntwo\u001b'), 'one\ntwo\\x1b');
});

test('no text has a control character then, and to do it twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text);
      assert.doesNotMatch(shown, /\p{Cc}/u);
      assert.equal(printable(shown), shown);
    }),
  );
});

test('JSON means the same, and has no control character either', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = formatJson({ [text]: text });
      assert.doesNotMatch(json, /\p{Cc}/u);
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ [text]: text })));
    }),
  );
});
